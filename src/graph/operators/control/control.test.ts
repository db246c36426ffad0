import { describe, expect, test } from 'vitest'
import { Rng } from '../../../core/index.ts'
import type { OnnxAttribute, OnnxGraph, OnnxType } from '../../../formats/index.ts'
import { Attributes } from '../../attributes.ts'
import type { GraphTensor, OperatorCall, Value } from '../../operator.ts'
import { findOperator } from '../index.ts'

type Body = (inputs: readonly Value[]) => readonly Value[]

/** A stand-in for a body graph, whose arithmetic is a function. */
function bodyOf(inputs: number, outputs: readonly (OnnxType | undefined)[], run: Body): OnnxGraph & { readonly run: Body } {
  const info = (type: OnnxType | undefined, at: number): { name: string; type: OnnxType | undefined } => ({ name: `v${at}`, type })
  return {
    name: 'body',
    nodes: [],
    inputs: Array.from({ length: inputs }, (_, at) => info(undefined, at)),
    outputs: outputs.map(info),
    values: [],
    initializers: new Map(),
    run,
  }
}

function callOf(
  attributes: Readonly<Record<string, OnnxAttribute>>,
  inputs: readonly (Value | undefined)[],
  version = 21,
  signal?: AbortSignal,
): OperatorCall {
  return {
    node: 'node',
    version,
    inputs,
    attributes: new Attributes('node', attributes),
    outputCount: 1,
    host: {
      random: () => new Rng(0),
      runGraph: async (graph, values) => (graph as ReturnType<typeof bodyOf>).run(values),
      maxLoopIterations: 1000,
      signal,
    },
  }
}

const run = (name: string, call: OperatorCall): Promise<readonly (Value | undefined)[]> =>
  Promise.resolve().then(() => findOperator('', name)!.run(call))
const f32 = (shape: readonly number[], data: readonly number[]): GraphTensor => ({ dtype: 'f32', shape, data: Float32Array.from(data) })
const i64 = (...data: number[]): GraphTensor => ({ dtype: 'i64', shape: [], data: BigInt64Array.from(data, BigInt) })
const bool = (value: boolean): GraphTensor => ({ dtype: 'bool', shape: [], data: Uint8Array.of(Number(value)) })
const numbers = (value: Value | undefined): number[] => Array.from((value as GraphTensor).data as Float32Array)
const graph = (value: OnnxGraph): OnnxAttribute => ({ type: 'graph', value })

/** Adds 1 to its carried value, scans what it was, and goes on below `end`. */
function counting(end: number): OnnxGraph {
  const scanned: OnnxType = { kind: 'tensor', dtype: 'f32', shape: [2, 'n'] }
  return bodyOf(3, [undefined, undefined, scanned], ([, , carried]) => {
    const [value] = numbers(carried)
    return [bool(value! + 1 < end), f32([], [value! + 1]), f32([2], [value!, -value!])]
  })
}

describe('Loop', () => {
  test('stops at the trip count or the condition', async () => {
    const [carried, scanned] = await run('Loop', callOf({ body: graph(counting(99)) }, [i64(3), bool(true), f32([], [0])]))
    expect(numbers(carried)).toEqual([3])
    expect(scanned).toMatchObject({ shape: [3, 2] })
    expect(numbers(scanned)).toEqual([0, -0, 1, -1, 2, -2])
    const [until] = await run('Loop', callOf({ body: graph(counting(5)) }, [undefined, bool(true), f32([], [0])]))
    expect(numbers(until)).toEqual([5])
    const [ignored] = await run('Loop', callOf({ body: graph(counting(2)) }, [i64(4), undefined, f32([], [0])]))
    expect(numbers(ignored)).toEqual([4])
  })

  test('without iterations scans an empty tensor of the type the body states', async () => {
    for (const inputs of [
      [i64(0), bool(true)],
      [i64(9), bool(false)],
      [i64(-5), undefined],
    ]) {
      const [carried, scanned] = await run('Loop', callOf({ body: graph(counting(9)) }, [...inputs, f32([], [7])]))
      expect(numbers(carried)).toEqual([7])
      expect(scanned).toMatchObject({ dtype: 'f32', shape: [0, 2, 0] })
    }
  })

  test('carries sequences and optionals', async () => {
    const body = bodyOf(4, [undefined, undefined, undefined], ([, condition, list, maybe]) => {
      const { items } = list as { items: readonly Value[] }
      return [condition!, { kind: 'sequence', items: [...items, f32([], [items.length])] }, { kind: 'optional', value: maybe }]
    })
    const [list, maybe] = await run(
      'Loop',
      callOf({ body: graph(body) }, [i64(2), bool(true), { kind: 'sequence', items: [] }, { kind: 'optional', value: undefined }]),
    )
    expect(list).toMatchObject({ kind: 'sequence', items: [{ shape: [] }, { shape: [] }] })
    expect(maybe).toMatchObject({ kind: 'optional', value: { kind: 'optional' } })
  })

  test('has a limit, and can be aborted', async () => {
    const endless = bodyOf(3, [undefined, undefined], ([, condition, carried]) => [condition!, carried!])
    await expect(run('Loop', callOf({ body: graph(endless) }, [undefined, undefined, f32([], [0])]))).rejects.toMatchObject({
      code: 'OPERATOR_UNSUPPORTED',
    })
    const signal = AbortSignal.abort()
    await expect(run('Loop', callOf({ body: graph(endless) }, [i64(9), undefined, f32([], [0])], 21, signal))).rejects.toMatchObject({
      code: 'ABORTED',
    })
    await expect(run('Loop', callOf({ body: graph(endless) }, [i64(9), bool(true)]))).rejects.toMatchObject({ code: 'GRAPH_INVALID' })
  })
})

describe('If', () => {
  const branches = {
    then_branch: graph(bodyOf(0, [undefined], () => [f32([], [1])])),
    else_branch: graph(bodyOf(0, [undefined], () => [f32([], [2])])),
  }
  test('runs one branch', async () => {
    expect(numbers((await run('If', callOf(branches, [bool(true)])))[0])).toEqual([1])
    expect(numbers((await run('If', callOf(branches, [bool(false)])))[0])).toEqual([2])
    await expect(run('If', callOf(branches, [f32([], [1])]))).rejects.toMatchObject({ code: 'GRAPH_INVALID' })
    await expect(run('If', callOf(branches, [{ dtype: 'bool', shape: [2], data: new Uint8Array(2) }]))).rejects.toMatchObject({
      code: 'SHAPE_MISMATCH',
    })
  })
})

describe('Scan', () => {
  /** State plus element, which is also scanned. */
  const summing = bodyOf(2, [undefined, { kind: 'tensor', dtype: 'f32', shape: [2] }], ([state, element]) => {
    const sum = numbers(state).map((value, at) => value + numbers(element)[at]!)
    return [f32([2], sum), f32([2], sum)]
  })
  const attributes = { body: graph(summing), num_scan_inputs: { type: 'int', value: 1 } } as const

  test('goes along axes and in directions', async () => {
    const ints = (...value: number[]): OnnxAttribute => ({ type: 'ints', value })
    const along = {
      ...attributes,
      scan_input_axes: ints(-1),
      scan_output_axes: ints(1),
      scan_input_directions: ints(1),
      scan_output_directions: ints(1),
    }
    const [state, scanned] = await run('Scan', callOf(along, [f32([2], [0, 0]), f32([2, 3], [1, 2, 3, 10, 20, 30])]))
    expect(numbers(state)).toEqual([6, 60])
    expect(scanned).toMatchObject({ shape: [2, 3] })
    expect(numbers(scanned)).toEqual([6, 5, 3, 60, 50, 30])
  })

  test('of nothing gives nothing', async () => {
    const [state, scanned] = await run('Scan', callOf(attributes, [f32([2], [3, 4]), f32([0, 2], [])]))
    expect(numbers(state)).toEqual([3, 4])
    expect(scanned).toMatchObject({ dtype: 'f32', shape: [0, 2] })
  })

  test('of version 8 has batches of sequences, padded with zeros', async () => {
    const inputs = [{ ...i64(1, 2), shape: [2] } as GraphTensor, f32([2, 2], [0, 0, 1, 1]), f32([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])]
    const [state, scanned] = await run('Scan', callOf(attributes, inputs, 8))
    expect(numbers(state)).toEqual([1, 2, 13, 15])
    expect(scanned).toMatchObject({ shape: [2, 2, 2] })
    expect(numbers(scanned)).toEqual([1, 2, 0, 0, 6, 7, 13, 15])
    const tooLong = [{ ...i64(1, 3), shape: [2] } as GraphTensor, ...inputs.slice(1)]
    await expect(run('Scan', callOf(attributes, tooLong, 8))).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
  })
})
