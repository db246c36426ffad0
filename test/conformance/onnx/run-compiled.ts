import type { Backend } from '../../../src/backends/index.ts'
import { CompiledGraph } from '../../../src/graph/compiled-graph.ts'
import { importOnnx } from '../../../src/graph/import-onnx.ts'
import type { Value } from '../../../src/graph/index.ts'
import { optimize } from '../../../src/graph/optimize.ts'
import type { RunModel } from './run-case.ts'

/** Runs models compiled for a backend, each twice, so that the plan is made and then followed; `look` sees the plans. */
export function compiledOn(backend: Backend, look?: (graph: CompiledGraph) => void): RunModel {
  return async (model, inputs) => {
    const graph = new CompiledGraph(await optimize(importOnnx(model)), backend)
    try {
      const given = new Map(Object.entries(inputs))
      await graph.run(given)
      const outputs: readonly Value[] = await graph.run(given)
      look?.(graph)
      return Object.fromEntries(graph.graph.outputs.map((name, i) => [name, outputs[i]!]))
    } finally {
      graph.dispose()
    }
  }
}
