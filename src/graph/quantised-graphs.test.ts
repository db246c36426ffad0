import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { availableBackends } from '../../test/backends.ts'
import { modelOf } from '../../test/graph-models.ts'
import { allocate, type ElementType } from '../core/index.ts'
import type { OnnxAttribute, OnnxModel } from '../formats/index.ts'
import { CompiledGraph } from './compiled-graph.ts'
import { importOnnx } from './import-onnx.ts'
import { interpret } from './interpreter.ts'
import type { GraphTensor } from './operator.ts'
import { optimize } from './optimize.ts'

interface StoredTensor {
  readonly dtype: ElementType
  readonly shape: readonly number[]
  readonly data: string
}

interface StoredCase {
  readonly name: string
  /** Instructions the graph becomes, in an order in which they may stand among others. */
  readonly programs: readonly string[]
  readonly nodes: readonly {
    readonly domain: string
    readonly op: string
    readonly inputs: readonly string[]
    readonly outputs: readonly string[]
    readonly attributes: Record<string, OnnxAttribute>
  }[]
  readonly constants: Readonly<Record<string, StoredTensor>>
  readonly inputs: Readonly<Record<string, StoredTensor>>
  readonly outputs: Readonly<Record<string, StoredTensor>>
}

const file = new URL('../../test/conformance/onnx/fixtures/quantised.json', import.meta.url)
const cases: readonly StoredCase[] = JSON.parse(readFileSync(file, 'utf8'))

function decode({ dtype, shape, data }: StoredTensor): GraphTensor {
  const array = allocate(
    dtype,
    shape.reduce((a, b) => a * b, 1),
  ) as Float32Array
  new Uint8Array(array.buffer).set(Buffer.from(data, 'base64'))
  return { dtype, shape, data: array } as GraphTensor
}

function decodeAll(tensors: Readonly<Record<string, StoredTensor>>): Record<string, GraphTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, decode(tensor)]))
}

function modelOfCase({ nodes, constants, inputs, outputs }: StoredCase): OnnxModel {
  return modelOf(nodes, {
    opset: 17,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, { dtype }]) => [name, dtype])),
    outputs: Object.keys(outputs),
    constants: decodeAll(constants),
  })
}

/** Codes may be one apart where rounding meets a tie; floats are as close as rounding lets them be. */
function expectClose(results: readonly GraphTensor[], { outputs }: StoredCase): void {
  for (const [i, [name, stored]] of Object.entries(outputs).entries()) {
    const expected = decode(stored)
    const got = results[i]!
    expect([name, got.dtype, got.shape]).toEqual([name, expected.dtype, expected.shape])
    const numbers = Array.from(expected.data as Float32Array, Number)
    const largest = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    const allowed = expected.dtype === 'f32' ? 1e-5 * largest : expected.dtype === 'i32' ? 0 : 1
    const worst = numbers.reduce((most, x, at) => Math.max(most, Math.abs(x - Number(got.data[at]))), 0)
    expect(worst, name).toBeLessThanOrEqual(allowed)
    const different = numbers.filter((x, at) => x !== Number(got.data[at])).length
    if (expected.dtype !== 'f32') expect(different / numbers.length, `${name}: share of codes that differ`).toBeLessThan(0.02)
  }
}

/** Everything the plan does, in order. */
function stepsOf(graph: CompiledGraph): string[] {
  return [...graph.plans.values()].flatMap(({ steps }) =>
    steps.flatMap(step => (step.kind === 'host' ? [`host ${step.node.op}`] : step.segment.program.instructions.map(({ op }) => op))),
  )
}

describe('graphs on 8-bit numbers, by definition, answer as ONNX Runtime does', () => {
  it.each(cases.map(stored => [stored.name, stored] as const))('%s', async (_, stored) => {
    const results = await interpret(modelOfCase(stored), decodeAll(stored.inputs))
    expectClose(Object.values(results) as GraphTensor[], stored)
  })
})

describe('graphs on 8-bit numbers, rewritten and run by definition, answer as ONNX Runtime does', () => {
  it.each(cases.map(stored => [stored.name, stored] as const))('%s', async (_, stored) => {
    const model = modelOfCase(stored)
    const { nodes, constants } = await optimize(importOnnx(model))
    const rewritten = { ...model, opsets: new Map([...model.opsets, ['', 21]]), graph: { ...model.graph, nodes, initializers: constants } }
    expectClose(Object.values(await interpret(rewritten, decodeAll(stored.inputs))) as GraphTensor[], stored)
  })
})

describe.each(availableBackends())('graphs on 8-bit numbers, compiled for $name, answer as ONNX Runtime does', ({ open }) => {
  const backend = open()
  afterAll(() => backend.dispose())
  it.each(cases.map(stored => [stored.name, stored] as const))('%s', async (_, stored) => {
    const graph = new CompiledGraph(await optimize(importOnnx(modelOfCase(stored))), backend)
    const inputs = new Map(Object.entries(decodeAll(stored.inputs)))
    // Once while it is planned, once as planned.
    for (let round = 0; round < 2; round++) expectClose((await graph.run(inputs)) as GraphTensor[], stored)
    const steps = stepsOf(graph)
    expect(steps.filter(step => step.startsWith('host'))).toEqual([])
    const left = [...stored.programs]
    for (const step of steps) if (step === left[0]) left.shift()
    expect(left, `instructions not found among ${steps.join(' ')}`).toEqual([])
    const isProduct = (op: string): boolean => /matmul|conv/.test(op)
    if (stored.programs.length > 0) expect(steps.filter(isProduct)).toEqual(stored.programs.filter(isProduct))
    graph.dispose()
  })
})
