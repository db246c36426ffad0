import type { TensorProfile } from '../core/index.ts'
import type { OnnxModel } from '../formats/index.ts'
import type { CompiledGraph } from './compiled-graph.ts'
import type { Graph } from './graph.ts'
import type { Value } from './operator.ts'
import type { DecodedPicture } from './operators/image-decoder/decode-picture.ts'
import type { ProfileGraphOptions } from './profile-graph.ts'
import type { StartedGraph, StartGraphOptions } from './start-graph.ts'

// The engine and its operators are some 300 modules: they are loaded when the first graph needs them, not by who only
// wants a language model.

/** Prepares a model to run on a backend of its own. @throws HenceError about its operators, or the backend */
export async function startGraph(model: OnnxModel, options: StartGraphOptions): Promise<StartedGraph> {
  return (await import('./start-graph.ts')).startGraph(model, options)
}

/** Runs a graph a number of times and tells what each step took. @throws HenceError of operators, `ABORTED` */
export async function profileGraph(
  graph: CompiledGraph,
  inputs: ReadonlyMap<string, Value>,
  options?: ProfileGraphOptions,
): Promise<TensorProfile> {
  return (await import('./profile-graph.ts')).profileGraph(graph, inputs, options)
}

/** Checks and sorts a model's nodes. @throws HenceError `GRAPH_INVALID`, `OPERATOR_UNSUPPORTED` with all that is missing */
export async function importOnnx(model: OnnxModel): Promise<Graph> {
  return (await import('./import-onnx.ts')).importOnnx(model)
}

/** Tells the format of a picture file by its first bytes and decodes it. */
export async function decodePicture(bytes: Uint8Array): Promise<DecodedPicture> {
  return (await import('./operators/image-decoder/index.ts')).decodePicture(bytes)
}
