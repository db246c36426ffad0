import { HenceError } from '../../core/index.ts'
import type { OnnxAttribute } from '../../formats/index.ts'
import { Attributes } from '../attributes.ts'
import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../operator.ts'
import { scoredAttentionOperators } from './attention/index.ts'
import { conversionOperators } from './conversion/index.ts'
import { convolutionOperators } from './convolution/index.ts'
import { elementwiseOperators } from './elementwise/index.ts'
import { linearOperators } from './linear/index.ts'
import { movementOperators } from './movement/index.ts'

const KNOWN: readonly Operator[] = [
  ...conversionOperators,
  ...convolutionOperators,
  ...elementwiseOperators,
  ...linearOperators,
  ...movementOperators,
  ...scoredAttentionOperators,
]

const number = (value: number): OnnxAttribute => ({ type: 'float', value })
const scalar = (value: number): GraphTensor => ({ dtype: 'f32', shape: [], data: Float32Array.of(value) })

/** The ONNX operator, its attributes and further operands that an activation of the kernels stands for. */
const ACTIVATIONS: Readonly<
  Record<string, { op: string; attributes?: (p: readonly number[]) => Record<string, OnnxAttribute>; bounds?: true }>
> = {
  relu: { op: 'Relu' },
  sigmoid: { op: 'Sigmoid' },
  tanh: { op: 'Tanh' },
  hard_swish: { op: 'HardSwish' },
  silu: { op: 'Swish' },
  gelu: { op: 'Gelu' },
  gelu_tanh: { op: 'Gelu', attributes: () => ({ approximate: { type: 'string', value: 'tanh' } }) },
  leaky_relu: { op: 'LeakyRelu', attributes: ([alpha]) => ({ alpha: number(alpha!) }) },
  hard_sigmoid: { op: 'HardSigmoid', attributes: ([alpha, beta]) => ({ alpha: number(alpha!), beta: number(beta!) }) },
  clip: { op: 'Clip', bounds: true },
}

/** Runs an ai.onnx operator of a recent version. */
export async function apply(
  call: OperatorCall,
  op: string,
  inputs: OperatorCall['inputs'],
  attributes: Record<string, OnnxAttribute>,
): Promise<GraphTensor> {
  const operator = KNOWN.find(({ domain, name }) => domain === '' && name === op)
  if (!operator) throw new HenceError('PROGRAM_INVALID', `${call.node}: there is no operator ${op} to define it by`, { op })
  const [result] = await operator.run({ ...call, version: 24, inputs, attributes: new Attributes(call.node, attributes), outputCount: 1 })
  return result as GraphTensor
}

/** A product followed by a residual and an activation, in the order the node states. */
export async function finish(call: OperatorCall, sum: GraphTensor): Promise<readonly GraphTensor[]> {
  const { attributes } = call
  const activation = ACTIVATIONS[attributes.string('activation', 'none')]
  const parameters = attributes.floats('activation_parameters', [])
  const activate = (x: GraphTensor): GraphTensor | Promise<GraphTensor> =>
    activation
      ? apply(call, activation.op, activation.bounds ? [x, ...parameters.map(scalar)] : [x], activation.attributes?.(parameters) ?? {})
      : x
  if (call.inputs[3] === undefined) return [await activate(sum)]
  const residual = tensorInput(call, 3)
  if (attributes.int('residual_first', 0) === 1) return [await activate(await apply(call, 'Add', [sum, residual], {}))]
  return [await apply(call, 'Add', [await activate(sum), residual], {})]
}

/** The attributes of a convolution, without those of what was fused with it. */
export function windowAttributes({ attributes }: OperatorCall): Record<string, OnnxAttribute> {
  const names = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'output_padding', 'output_shape', 'pads', 'strides']
  return Object.fromEntries(names.flatMap(name => (attributes.raw(name) ? [[name, attributes.raw(name)!]] : [])))
}

/** `Conv` or `ConvTranspose` with an activation, and the first with a residual (operand 3); made by rules. */
function convolution(name: 'Conv' | 'ConvTranspose'): Operator {
  return {
    domain: 'hence',
    name,
    run: async call => finish(call, await apply(call, name, call.inputs.slice(0, 3), windowAttributes(call))),
  }
}

/** x times a matrix, plus a row; with a residual (operand 3) and an activation; made by rules. */
const linear: Operator = {
  domain: 'hence',
  name: 'Linear',
  run: async call => {
    let weight = tensorInput(call, 1)
    if (call.attributes.int('transB', 0) === 1) weight = await apply(call, 'Transpose', [weight], {})
    const product = await apply(call, 'MatMul', [call.inputs[0], weight], {})
    return finish(call, call.inputs[2] === undefined ? product : await apply(call, 'Add', [product, call.inputs[2]], {}))
  },
}

/** Attention over heads as projections give them, `[B, S, H, D]`; a mask (operand 3) is added to the scores. */
const attention: Operator = {
  domain: 'hence',
  name: 'Attention',
  run: async call => {
    const [q, k, v] = [0, 1, 2].map(i => tensorInput(call, i)) as [GraphTensor, GraphTensor, GraphTensor]
    const joined = ({ dtype, shape, data }: GraphTensor): GraphTensor => ({
      dtype,
      data,
      shape: [...shape.slice(0, 2), shape[2]! * shape[3]!],
    })
    const result = await apply(call, 'Attention', [joined(q), joined(k), joined(v), call.inputs[3]], {
      q_num_heads: { type: 'int', value: q.shape[2]! },
      kv_num_heads: { type: 'int', value: k.shape[2]! },
      scale: number(call.attributes.float('scale', 1)),
    })
    return [{ ...result, shape: [...q.shape.slice(0, 3), v.shape[3]!] }]
  },
}

/** Quantised to `dtype` with a scale and a zero point, and back. */
const rounded: Operator = {
  domain: 'hence',
  name: 'Rounded',
  run: async call => {
    const [x, scale] = [tensorInput(call, 0), tensorInput(call, 1)]
    const isSigned = call.attributes.string('dtype') === 'i8'
    const zero =
      call.inputs[2] ??
      (isSigned ? { dtype: 'i8', shape: [], data: new Int8Array(1) } : { dtype: 'u8', shape: [], data: new Uint8Array(1) })
    return [await apply(call, 'DequantizeLinear', [await apply(call, 'QuantizeLinear', [x, scale, zero], {}), scale, zero], {})]
  },
}

/** x read as `shape` = [batch, groups, depth, height, width], groups and depth exchanged; the batch may be -1. */
const shuffleChannels: Operator = {
  domain: 'hence',
  name: 'ShuffleChannels',
  run: call => {
    const { dtype, shape, data } = tensorInput(call, 0)
    const [, groups, depth, height, width] = call.attributes.ints('shape') as [number, number, number, number, number]
    const pixels = height * width
    const channels = groups * depth
    const batch = data.length / (channels * pixels)
    checkShape(Number.isInteger(batch), call, `${data.length} elements are no images of ${channels} channels of ${pixels}`, { shape })
    const result = data.slice()
    for (let plane = 0; plane < batch * channels; plane++) {
      const channel = plane % channels
      const from = (plane - channel + (channel % groups) * depth + Math.floor(channel / groups)) * pixels
      for (let i = 0; i < pixels; i++) result[plane * pixels + i] = data[from + i]!
    }
    return [{ dtype, shape: [batch, channels, height, width], data: result }]
  },
}

/** What rules make of several nodes, defined by the operators it stands for. */
export const fusedOperators: readonly Operator[] = [
  attention,
  convolution('Conv'),
  convolution('ConvTranspose'),
  linear,
  rounded,
  shuffleChannels,
]
