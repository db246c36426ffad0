import { describe, expect, test } from 'vitest'
import { modelOf, waves } from '../../test/graph-models.ts'
import { type Backend, referenceBackend } from '../backends/index.ts'
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxTensor } from '../formats/index.ts'
import { CompiledGraph } from './compiled-graph.ts'
import { importOnnx } from './import-onnx.ts'
import { interpret } from './interpreter.ts'
import type { GraphTensor, Value } from './operator.ts'
import { optimize } from './optimize.ts'
import { profileGraph } from './profile-graph.ts'

const WIDTH = 32
const graph = (value: OnnxGraph): OnnxAttribute => ({ type: 'graph', value })
const count = (n: number): OnnxTensor => ({ dtype: 'i64', shape: [], data: BigInt64Array.of(BigInt(n)) })

type Nodes = Parameters<typeof modelOf>[0]

function bodyOf(
  nodes: Nodes,
  inputs: Record<string, OnnxTensor['dtype']>,
  outputs: readonly string[],
  own: Record<string, OnnxTensor> = {},
): OnnxGraph {
  return modelOf(nodes, { inputs, outputs, constants: own }).graph
}

/** Counts programs that are compiled and run, and the instructions in them. */
function countingBackend(): Backend & { compiled: number; runs: number } {
  const inner = referenceBackend()
  const counted: Backend & { compiled: number; runs: number } = {
    ...inner,
    compiled: 0,
    runs: 0,
    async compile(...parameters) {
      counted.compiled++
      const executable = await inner.compile(...parameters)
      return {
        ...executable,
        createExecution() {
          const execution = executable.createExecution()
          const run = execution.run.bind(execution)
          execution.run = (...given) => {
            counted.runs++
            return run(...given)
          }
          return execution
        },
      }
    },
  }
  return counted
}

async function compile(model: OnnxModel, backend: Backend = referenceBackend()): Promise<CompiledGraph> {
  return new CompiledGraph(await optimize(importOnnx(model)), backend)
}

async function expectSame(model: OnnxModel, inputs: Record<string, Value>, backend?: Backend): Promise<CompiledGraph> {
  const compiled = await compile(model, backend)
  const expected = Object.values(await interpret(model, inputs)) as GraphTensor[]
  for (let round = 0; round < 3; round++)
    for (const [i, result] of ((await compiled.run(new Map(Object.entries(inputs)))) as GraphTensor[]).entries()) {
      expect([result.dtype, result.shape]).toEqual([expected[i]!.dtype, expected[i]!.shape])
      for (const [at, value] of (result.data as Float32Array).entries()) expect(Number(value)).toBeCloseTo(Number(expected[i]!.data[at]), 4)
    }
  return compiled
}

/** `s ← tanh(s · w + x)` with `w` from around it; `x` is an input of the whole graph. */
const recurrence = bodyOf(
  [
    { op: 'Identity', inputs: ['on'], outputs: ['goesOn'] },
    { op: 'MatMul', inputs: ['s', 'w'], outputs: ['m'] },
    { op: 'Add', inputs: ['m', 'x'], outputs: ['a'] },
    { op: 'Add', inputs: ['a', 'own'], outputs: ['o'] },
    { op: 'Tanh', inputs: ['o'], outputs: ['next'] },
    { op: 'Mul', inputs: ['next', 'next'], outputs: ['seen'] },
  ],
  { i: 'i64', on: 'bool', s: 'f32' },
  ['goesOn', 'next', 'seen'],
  { own: waves([WIDTH], 5) },
)
const looping = modelOf([{ op: 'Loop', inputs: ['n', '', 'x'], outputs: ['y', 'all'], attributes: { body: graph(recurrence) } }], {
  inputs: { n: 'i64', x: 'f32' },
  outputs: ['y', 'all'],
  constants: { w: waves([WIDTH, WIDTH], 3) },
})

describe('a body', () => {
  test('is planned once and runs as a program at every iteration', async () => {
    const backend = countingBackend()
    const graph = await compile(looping, backend)
    const inputs = new Map<string, Value>([
      ['n', count(10)],
      ['x', waves([1, WIDTH])],
    ])
    await graph.run(inputs)
    // The first iteration is interpreted, the second planned.
    expect([backend.compiled, backend.runs]).toEqual([1, 9])
    await graph.run(inputs)
    expect([backend.compiled, backend.runs]).toEqual([1, 19])
    const { steps } = await profileGraph(graph, inputs, { runs: 1 })
    expect(steps.map(({ op, runs, within }) => [op, runs, within])).toEqual([
      ['Loop', 1, undefined],
      ['Identity', 10, 0],
      ['matmul', 10, 0],
      ['map', 10, 0],
      ['map', 10, 0],
      ['in and out', 10, 0],
    ])
    expect(steps.slice(1).reduce((sum, { ms }) => sum + ms, 0)).toBeLessThanOrEqual(steps[0]!.ms)
    graph.dispose()
  })

  test('gives what its definition gives: Loop', async () => {
    for (const times of [1, 2, 7]) (await expectSame(looping, { n: count(times), x: waves([2, WIDTH]) })).dispose()
  })

  test('gives what its definition gives: Scan, with a state and a branch inside', async () => {
    const branch = (op: string): OnnxGraph => bodyOf([{ op, inputs: ['m'], outputs: ['r'] }], {}, ['r'])
    const body = bodyOf(
      [
        { op: 'Add', inputs: ['s', 'row'], outputs: ['sum'] },
        { op: 'MatMul', inputs: ['sum', 'w'], outputs: ['m'] },
        { op: 'ReduceMax', inputs: ['m'], outputs: ['most'], attributes: { keepdims: { type: 'int', value: 0 } } },
        { op: 'Greater', inputs: ['most', 'limit'], outputs: ['isLarge'] },
        {
          op: 'If',
          inputs: ['isLarge'],
          outputs: ['r'],
          attributes: { then_branch: graph(branch('Tanh')), else_branch: graph(branch('Neg')) },
        },
      ],
      { s: 'f32', row: 'f32' },
      ['r', 'most'],
    )
    const model = modelOf(
      [
        {
          op: 'Scan',
          inputs: ['x', 'rows'],
          outputs: ['y', 'most'],
          attributes: { body: graph(body), num_scan_inputs: { type: 'int', value: 1 } },
        },
      ],
      {
        inputs: { x: 'f32', rows: 'f32' },
        outputs: ['y', 'most'],
        constants: { w: waves([WIDTH, WIDTH], 3), limit: { dtype: 'f32', shape: [], data: Float32Array.of(1.5) } },
      },
    )
    const graphOf = await expectSame(model, { x: waves([1, WIDTH]), rows: waves([9, 1, WIDTH], 4) })
    graphOf.dispose()
  })

  test('whose operands grow is not planned for each size', async () => {
    const body = bodyOf(
      [
        { op: 'Identity', inputs: ['on'], outputs: ['goesOn'] },
        { op: 'Concat', inputs: ['s', 'x'], outputs: ['next'], attributes: { axis: { type: 'int', value: 0 } } },
        { op: 'MatMul', inputs: ['next', 'w'], outputs: ['seen'] },
        { op: 'ReduceSum', inputs: ['seen'], outputs: ['total'], attributes: { keepdims: { type: 'int', value: 0 } } },
      ],
      { i: 'i64', on: 'bool', s: 'f32' },
      ['goesOn', 'next', 'total'],
    )
    const model = modelOf([{ op: 'Loop', inputs: ['n', '', 'x'], outputs: ['y', 'totals'], attributes: { body: graph(body) } }], {
      inputs: { n: 'i64', x: 'f32' },
      outputs: ['y', 'totals'],
      constants: { w: waves([WIDTH, WIDTH], 3) },
    })
    const backend = countingBackend()
    const compiled = await compile(model, backend)
    const inputs = new Map<string, Value>([
      ['n', count(50)],
      ['x', waves([1, WIDTH])],
    ])
    await compiled.run(inputs)
    expect(backend.compiled).toBe(0)
    await compiled.run(inputs)
    expect(backend.compiled).toBeLessThanOrEqual(32)
    compiled.dispose()
    ;(await expectSame(model, { n: count(40), x: waves([1, WIDTH]) })).dispose()
  })

  test('that is tiny runs node by node, and stops after as many iterations as are allowed', async () => {
    const body = bodyOf(
      [
        { op: 'Identity', inputs: ['on'], outputs: ['goesOn'] },
        { op: 'Add', inputs: ['s', 'one'], outputs: ['next'] },
      ],
      { i: 'i64', on: 'bool', s: 'f32' },
      ['goesOn', 'next'],
    )
    const model = modelOf([{ op: 'Loop', inputs: ['n', '', 'x'], outputs: ['y'], attributes: { body: graph(body) } }], {
      inputs: { n: 'i64', x: 'f32' },
      outputs: ['y'],
      constants: { one: { dtype: 'f32', shape: [1], data: Float32Array.of(1) } },
    })
    const backend = countingBackend()
    const compiled = new CompiledGraph(await optimize(importOnnx(model)), backend, { maxLoopIterations: 100 })
    const run = (n: number): Promise<Value[]> =>
      compiled.run(
        new Map<string, Value>([
          ['n', count(n)],
          ['x', waves([1])],
        ]),
      )
    expect(((await run(100))[0] as GraphTensor).data[0]).toBeCloseTo(100 + (waves([1]).data[0] as number), 3)
    await expect(run(101)).rejects.toMatchObject({ message: expect.stringContaining('100 iterations') })
    expect(backend.compiled).toBe(0)
    compiled.dispose()
  })

  test('runs overlap', async () => {
    const compiled = await compile(looping)
    const inputsOf = (n: number): Map<string, Value> =>
      new Map<string, Value>([
        ['n', count(n)],
        ['x', waves([1 + (n % 2), WIDTH], n)],
      ])
    const results = await Promise.all([3, 4, 5, 6, 3].map(n => compiled.run(inputsOf(n))))
    for (const [i, n] of [3, 4, 5, 6, 3].entries()) {
      const expected = Object.values(await interpret(looping, Object.fromEntries(inputsOf(n)))) as GraphTensor[]
      for (const [at, value] of ((results[i]![0] as GraphTensor).data as Float32Array).entries())
        expect(value).toBeCloseTo(Number(expected[0]!.data[at]), 4)
    }
    compiled.dispose()
  })
})

describe('functions', () => {
  const f = (name: string, nodes: Nodes, rest: Partial<OnnxModel['functions'][number]> = {}): OnnxModel['functions'][number] => ({
    domain: 'local',
    name,
    inputs: ['x'],
    outputs: ['y'],
    attributes: [],
    defaults: {},
    opsets: new Map([['', 21]]),
    nodes: nodes.map((node, i) => ({ name: `f${i}`, domain: '', attributes: {}, ...node })),
    ...rest,
  })
  const expectBoth = async (model: OnnxModel, expected: readonly number[]): Promise<void> => {
    const x: OnnxTensor = { dtype: 'f32', shape: [2], data: Float32Array.of(3, 4) }
    const compiled = await expectSame(model, { x })
    expect(Array.from(((await compiled.run(new Map([['x', x]])))[0] as GraphTensor).data as Float32Array)).toEqual(expected)
    compiled.dispose()
  }

  test('that only bodies call are found, and their attributes reach bodies within them', async () => {
    // The function multiplies x by `factor` as often as a loop within it goes round.
    const inner = bodyOf(
      [
        { op: 'Identity', inputs: ['on'], outputs: ['goesOn'] },
        { op: 'Constant', inputs: [], outputs: ['factor'], attributes: { value_float: { type: 'reference', value: 'factor' } } },
        { op: 'Mul', inputs: ['s', 'factor'], outputs: ['next'] },
      ],
      { i: 'i64', on: 'bool', s: 'f32' },
      ['goesOn', 'next'],
    )
    const power = f(
      'Power',
      [
        { op: 'Constant', inputs: [], outputs: ['times'], attributes: { value_int: { type: 'reference', value: 'times' } } },
        { op: 'Loop', inputs: ['times', '', 'x'], outputs: ['y'], attributes: { body: graph(inner) } },
      ],
      { attributes: ['times'], defaults: { factor: { type: 'float', value: 2 } } },
    )
    const branch = bodyOf(
      [{ op: 'Power', domain: 'local', inputs: ['x'], outputs: ['r'], attributes: { times: { type: 'int', value: 3 } } }],
      {},
      ['r'],
    )
    const other = bodyOf([{ op: 'Neg', inputs: ['x'], outputs: ['r'] }], {}, ['r'])
    const model = modelOf(
      [
        { op: 'ReduceSum', inputs: ['x'], outputs: ['sum'], attributes: { keepdims: { type: 'int', value: 0 } } },
        { op: 'Greater', inputs: ['sum', 'zero'], outputs: ['positive'] },
        { op: 'If', inputs: ['positive'], outputs: ['y'], attributes: { then_branch: graph(branch), else_branch: graph(other) } },
      ],
      { inputs: { x: 'f32' }, outputs: ['y'], constants: { zero: { dtype: 'f32', shape: [], data: Float32Array.of(0) } } },
    )
    await expectBoth({ ...model, functions: [power] }, [24, 32])
    const tripled = f('Tripled', [
      {
        op: 'Power',
        domain: 'local',
        inputs: ['x'],
        outputs: ['y'],
        attributes: { times: { type: 'int', value: 1 }, factor: { type: 'float', value: 3 } },
      },
    ])
    const direct = modelOf([{ op: 'Tripled', domain: 'local', inputs: ['x'], outputs: ['y'] }], { inputs: { x: 'f32' }, outputs: ['y'] })
    await expectBoth({ ...direct, functions: [power, tripled] }, [9, 12])
  })

  test('of one name are told apart by their overload', async () => {
    const doubled = f('Act', [{ op: 'Add', inputs: ['x', 'x'], outputs: ['y'] }])
    const negated = f('Act', [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }], { overload: 'negative' })
    const nodes = [
      { op: 'Act', domain: 'local', inputs: ['x'], outputs: ['a'] },
      { op: 'Act', domain: 'local', overload: 'negative', inputs: ['a'], outputs: ['y'] },
    ]
    const model = modelOf(nodes, { inputs: { x: 'f32' }, outputs: ['y'] })
    await expectBoth({ ...model, functions: [doubled, negated] }, [-6, -8])
    expect(() => importOnnx({ ...model, functions: [doubled] })).toThrow(/local\.Act/)
  })

  test('run their bodies at their own operator-set version', async () => {
    // Softmax of version 11 works on all axes from `axis` (1) on at once, later ones along the last axis.
    const body = bodyOf(
      [
        { op: 'Softmax', inputs: ['s'], outputs: ['next'] },
        { op: 'Identity', inputs: ['on'], outputs: ['goesOn'] },
      ],
      { i: 'i64', on: 'bool', s: 'f32' },
      ['goesOn', 'next'],
    )
    const old = f(
      'Old',
      [
        { op: 'Constant', inputs: [], outputs: ['times'], attributes: { value_int: { type: 'int', value: 1 } } },
        { op: 'Loop', inputs: ['times', '', 'x'], outputs: ['y'], attributes: { body: graph(body) } },
      ],
      { opsets: new Map([['', 12]]) },
    )
    const model = {
      ...modelOf([{ op: 'Old', domain: 'local', inputs: ['x'], outputs: ['y'] }], { inputs: { x: 'f32' }, outputs: ['y'] }),
      functions: [old],
    }
    const compiled = await expectSame(model, { x: { dtype: 'f32', shape: [1, 2, 2], data: new Float32Array(4) } })
    const x: OnnxTensor = { dtype: 'f32', shape: [1, 2, 2], data: new Float32Array(4) }
    expect(Array.from(((await compiled.run(new Map([['x', x]])))[0] as GraphTensor).data as Float32Array)).toEqual([0.25, 0.25, 0.25, 0.25])
    compiled.dispose()
  })
})
