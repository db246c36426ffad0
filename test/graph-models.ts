import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor } from '../src/formats/index.ts'

/** A model of a few nodes for tests; every input is a tensor of any shape. */
export function modelOf(
  nodes: readonly (Pick<OnnxNode, 'op' | 'inputs' | 'outputs'> & { domain?: string; attributes?: Record<string, OnnxAttribute> })[],
  {
    inputs,
    outputs,
    constants = {},
    opset = 21,
  }: { inputs: Record<string, OnnxTensor['dtype']>; outputs: readonly string[]; constants?: Record<string, OnnxTensor>; opset?: number },
): OnnxModel {
  return {
    irVersion: 10,
    producer: 'test',
    opsets: new Map([
      ['', opset],
      ['com.microsoft', 1],
    ]),
    graph: {
      name: 'test',
      nodes: nodes.map((node, i) => ({ name: `node${i}`, domain: '', attributes: {}, ...node })),
      inputs: Object.entries(inputs).map(([name, dtype]) => ({ name, type: { kind: 'tensor', dtype, shape: undefined } })),
      outputs: outputs.map(name => ({ name, type: undefined })),
      values: [],
      initializers: new Map(Object.entries(constants).map(([name, tensor]) => [name, withinFile(tensor)])),
    },
    functions: [],
    metadata: new Map(),
    files: [],
  }
}

/** A tensor whose numbers are a piece of something larger, as those of a file are. */
function withinFile(tensor: OnnxTensor): OnnxTensor {
  if (Array.isArray(tensor.data)) return tensor
  const { data } = tensor as { data: Float32Array }
  const larger = new (data.constructor as typeof Float32Array)(data.length + 2)
  larger.set(data, 1)
  return { ...tensor, data: larger.subarray(1, 1 + data.length) } as OnnxTensor
}

/** Numbers between -1 and 1, the same for the same seed. */
export function waves(shape: readonly number[], seed = 1): OnnxTensor {
  const count = shape.reduce((product, size) => product * size, 1)
  return {
    dtype: 'f32',
    shape,
    data: Float32Array.from({ length: count }, (_, i) => Math.sin(seed * 1.7 + i * 0.913) * Math.cos(i * 0.31)),
  }
}
