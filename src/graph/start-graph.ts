import { type BackendOptions, openBackend } from '../backends/index.ts'
import type { OnnxModel } from '../formats/index.ts'
import { CompiledGraph } from './compiled-graph.ts'
import type { GraphOptions } from './graph-options.ts'
import { importOnnx } from './import-onnx.ts'
import { optimize } from './optimize.ts'

/** Where and how a graph runs. */
export interface StartGraphOptions extends BackendOptions, GraphOptions {}

/** A graph ready to run; the caller disposes it, and the backend after it. */
export interface StartedGraph {
  readonly graph: CompiledGraph
  readonly backend: { readonly name: string; readonly threads: number; dispose(): void }
}

/** Prepares a model to run on a backend of its own. @throws HenceError about its operators, or the backend */
export async function startGraph(model: OnnxModel, options: StartGraphOptions): Promise<StartedGraph> {
  const imported = importOnnx(model)
  const backend = openBackend(options)
  try {
    return { graph: new CompiledGraph(await optimize(imported), backend, options), backend }
  } catch (error) {
    backend.dispose()
    throw error
  }
}
