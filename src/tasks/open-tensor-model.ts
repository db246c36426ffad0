import { elementCount, type TensorModel, type TensorModelDescription, type ValueDescription } from '../core/index.ts'
import { type OnnxModel, type OnnxTensor, type OnnxValueInfo, openOnnx } from '../formats/index.ts'
import { type StartedGraph, type StartGraphOptions, startGraph } from '../graph/index.ts'
import { GraphEngine } from './graph-engine.ts'
import { EngineModel } from './tensor-model.ts'

/** Options of `load` for tensor models. */
export interface TensorModelOptions extends StartGraphOptions {
  readonly signal?: AbortSignal | undefined
}

/** Loads an ONNX file. @throws HenceError about the file, its operators, or the backend */
export async function loadTensorModel(path: string, options: TensorModelOptions): Promise<TensorModel> {
  return startTensorModel(path, await openOnnx(path, { signal: options.signal }), options)
}

/** Prepares a model in memory to run. @throws HenceError about its operators, or the backend */
export async function startTensorModel(source: string, model: OnnxModel, options: TensorModelOptions): Promise<TensorModel> {
  const started = await startGraph(model, options)
  const { graph, backend } = started
  const description = describeTensorModel(source, model, options.precision ?? 'exact', graph.graph.nodes.length, backend)
  return new EngineModel(new GraphEngine(started, model.graph.defaults ?? []), description)
}

/** Describes an ONNX file without preparing it to run. */
export async function inspectTensorModel(
  path: string,
  { signal, precision = 'exact' }: TensorModelOptions,
): Promise<TensorModelDescription> {
  const model = await openOnnx(path, { signal })
  return describeTensorModel(path, model, precision, model.graph.nodes.length)
}

/** What there is to say of a model. `nodes` counts them once rules were applied. */
export function describeTensorModel(
  path: string,
  model: OnnxModel,
  precision: 'exact' | 'fast',
  nodes: number,
  backend?: StartedGraph['backend'],
): TensorModelDescription {
  const weights = [...model.graph.initializers.values()]
  const operators: Record<string, number> = {}
  for (const { domain, op } of model.graph.nodes) {
    const name = domain === '' || domain === 'ai.onnx' ? op : `${domain}.${op}`
    operators[name] = (operators[name] ?? 0) + 1
  }
  return {
    kind: 'tensor',
    source: path,
    format: 'onnx',
    producer: model.producer,
    opsets: Object.fromEntries(model.opsets),
    inputs: model.graph.inputs.map(describeValue),
    optionalInputs: (model.graph.defaults ?? []).map(describeValue),
    outputs: model.graph.outputs.map(describeValue),
    parameters: weights.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    weightBytes: weights.reduce((sum, tensor) => sum + bytesOf(tensor), 0),
    operators,
    nodes,
    files: model.files.map(file => ({ path: file.path, bytes: file.size })),
    metadata: Object.fromEntries(model.metadata),
    precision,
    ...(backend ? { backend: { name: backend.name, threads: backend.threads } } : {}),
  }
}

/** An input or output as plain data. */
export function describeValue({ name, type }: OnnxValueInfo): ValueDescription {
  if (type?.kind !== 'tensor') return { name, kind: type?.kind ?? 'tensor' }
  return {
    name,
    kind: 'tensor',
    ...(type.dtype ? { dtype: type.dtype } : {}),
    ...(type.shape ? { shape: type.shape.map(dim => dim ?? null) } : {}),
  }
}

function bytesOf({ data }: OnnxTensor): number {
  return Array.isArray(data) ? data.reduce((sum, text) => sum + Buffer.byteLength(text), 0) : data.byteLength
}
