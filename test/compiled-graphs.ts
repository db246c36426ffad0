import { expect } from 'vitest'
import { referenceBackend } from '../src/backends/index.ts'
import type { OnnxModel } from '../src/formats/index.ts'
import { CompiledGraph } from '../src/graph/compiled-graph.ts'
import { importOnnx } from '../src/graph/import-onnx.ts'
import { interpret } from '../src/graph/interpreter.ts'
import type { GraphTensor, Value } from '../src/graph/operator.ts'
import { optimize } from '../src/graph/optimize.ts'

/** A model optimised and compiled for the reference backend. */
export async function compile(model: OnnxModel): Promise<CompiledGraph> {
  return new CompiledGraph(await optimize(importOnnx(model)), referenceBackend())
}

/** What programs give, in two runs, must be what the definitions give. */
export async function expectSame(model: OnnxModel, inputs: Record<string, Value>, compiled?: CompiledGraph): Promise<CompiledGraph> {
  const graph = compiled ?? (await compile(model))
  const expected = Object.values(await interpret(model, inputs)) as GraphTensor[]
  for (let round = 0; round < 2; round++) {
    const results = (await graph.run(new Map(Object.entries(inputs)))) as GraphTensor[]
    for (const [i, { shape, dtype, data }] of results.entries()) {
      expect([dtype, shape]).toEqual([expected[i]!.dtype, expected[i]!.shape])
      for (const [at, value] of (data as Float32Array).entries()) expect(Number(value)).toBeCloseTo(Number(expected[i]!.data[at]), 4)
    }
  }
  return graph
}

/** The ops of all programs in order, and nodes between them. */
export const opsOf = (graph: CompiledGraph): string[] =>
  [...graph.plans.values()].flatMap(({ steps }) =>
    steps.flatMap(step => (step.kind === 'host' ? [`host ${step.node.op}`] : step.segment.program.instructions.map(({ op }) => op))),
  )
