import { type BackendOptions, openBackend } from '../backends/index.ts'
import type { OnnxModel } from '../formats/index.ts'
import { CompiledGraph } from './compiled-graph.ts'
import type { GraphOptions } from './graph-options.ts'
import { importOnnx } from './import-onnx.ts'
import { optimize } from './optimize.ts'

/** Where and how a graph runs. */
export interface StartGraphOptions extends BackendOptions, GraphOptions {}

/** Sets of inputs with defaults that graphs are kept for. */
const MAX_VARIANTS = 8

/** A graph ready to run; the caller disposes it, and the backend after it. The graphs of other inputs go with it. */
export interface StartedGraph {
  readonly graph: CompiledGraph
  /** The graph for runs that give values for these inputs with defaults as well. */
  withDefaultsGiven(names: readonly string[]): Promise<CompiledGraph>
  readonly backend: { readonly name: string; readonly threads: number; dispose(): void }
}

/** Prepares a model to run on a backend of its own. @throws HenceError about its operators, or the backend */
export async function startGraph(model: OnnxModel, options: StartGraphOptions): Promise<StartedGraph> {
  const imported = importOnnx(model)
  const backend = openBackend(options)
  try {
    const graph = new CompiledGraph(await optimize(imported), backend, options)
    const variants = new Map<string, Promise<CompiledGraph>>()
    const prepare = async (names: readonly string[]): Promise<CompiledGraph> => {
      const variant = new CompiledGraph(await optimize(importOnnx(model, new Set(names))), backend, options)
      graph.onDispose(() => variant.dispose())
      return variant
    }
    const withDefaultsGiven = (names: readonly string[]): Promise<CompiledGraph> => {
      const key = JSON.stringify([...names].sort())
      let variant = variants.get(key)
      if (!variant) {
        variant = prepare(names)
        variants.set(key, variant)
        if (variants.size > MAX_VARIANTS) {
          const [oldest, dropped] = variants.entries().next().value!
          variants.delete(oldest)
          void dropped.then(old => old.dispose()).catch(() => {})
        }
      }
      return variant
    }
    return { graph, withDefaultsGiven, backend }
  } catch (error) {
    backend.dispose()
    throw error
  }
}
