import { describe, expect, test } from 'vitest'
import { Rng } from '../../../core/index.ts'
import type { OnnxAttribute } from '../../../formats/index.ts'
import { Attributes } from '../../attributes.ts'
import type { GraphTensor, Value } from '../../operator.ts'
import { findOperator } from '../index.ts'

function run(
  name: string,
  inputs: readonly (Value | undefined)[],
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): readonly (Value | undefined)[] {
  const host = { random: () => new Rng(0), runGraph: async () => [], maxLoopIterations: 1 }
  const call = { node: name, version: 24, inputs, attributes: new Attributes(name, attributes), outputCount: 1, host }
  return findOperator('', name)!.run(call) as readonly (Value | undefined)[]
}

const f32 = (shape: readonly number[], data: readonly number[]): GraphTensor => ({ dtype: 'f32', shape, data: Float32Array.from(data) })
const i64 = (shape: readonly number[], ...data: number[]): GraphTensor => ({ dtype: 'i64', shape, data: BigInt64Array.from(data, BigInt) })
const list = (...items: Value[]): Value => ({ kind: 'sequence', items })
const [a, b, c] = [f32([1], [1]), f32([2], [2, 3]), f32([1], [4])] as const

describe('lists', () => {
  test('insert, erase and read at positions counted from either end', () => {
    expect(run('SequenceInsert', [list(a, b), c])[0]).toEqual(list(a, b, c))
    expect(run('SequenceInsert', [list(a, b), c, i64([], -1)])[0]).toEqual(list(a, c, b))
    expect(run('SequenceErase', [list(a, b)])[0]).toEqual(list(a))
    expect(run('SequenceErase', [list(a, b), i64([], -2)])[0]).toEqual(list(b))
    expect(run('SequenceAt', [list(a, b), i64([], 1)])[0]).toBe(b)
    expect(run('SequenceLength', [list(a, b, c)])[0]).toEqual(i64([], 3))
    expect(run('SequenceEmpty', [])[0]).toEqual(list())
  })

  test('refuse positions outside and items of another type', () => {
    for (const [name, ...inputs] of [
      ['SequenceInsert', list(a), c, i64([], 2)],
      ['SequenceInsert', list(a), c, i64([], -2)],
      ['SequenceErase', list(), i64([], 0)],
      ['SequenceAt', list(a), i64([], 1)],
    ] as const)
      expect(() => run(name, inputs), name).toThrow(expect.objectContaining({ code: 'SHAPE_MISMATCH' }))
    for (const [name, ...inputs] of [
      ['SequenceInsert', list(a), i64([], 1)],
      ['SequenceConstruct', a, i64([], 1)],
      ['SequenceLength', a],
      ['SequenceAt', undefined, i64([], 0)],
    ] as const)
      expect(() => run(name, inputs), name).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }))
  })
})

describe('between tensors and lists', () => {
  const axis = (value: number): Record<string, OnnxAttribute> => ({ axis: { type: 'int', value } })
  const input = f32([2, 3], [1, 2, 3, 4, 5, 6])

  test('split into parts of one size, of given sizes, and single slices', () => {
    expect(run('SplitToSequence', [input, i64([], 2)], axis(1))[0]).toEqual(list(f32([2, 2], [1, 2, 4, 5]), f32([2, 1], [3, 6])))
    expect(run('SplitToSequence', [input, i64([2], 0, 2)])[0]).toEqual(list(f32([0, 3], []), input))
    const bare = run('SplitToSequence', [input], { ...axis(0), keepdims: { type: 'int', value: 0 } })[0]
    expect(bare).toEqual(list(f32([3], [1, 2, 3]), f32([3], [4, 5, 6])))
  })

  test('refuse sizes that do not fill the axis', () => {
    for (const split of [i64([], 0), i64([], -1), i64([2], 1, 2), i64([2], 3, -1)])
      expect(() => run('SplitToSequence', [input, split])).toThrow(expect.objectContaining({ code: 'SHAPE_MISMATCH' }))
  })

  test('join along an axis or stack along a new one', () => {
    expect(run('ConcatFromSequence', [list(a, b, c)], axis(-1))[0]).toEqual(f32([4], [1, 2, 3, 4]))
    const stacked = run('ConcatFromSequence', [list(a, c)], { ...axis(-1), new_axis: { type: 'int', value: 1 } })[0]
    expect(stacked).toEqual(f32([1, 2], [1, 4]))
    expect(() => run('ConcatFromSequence', [list()], axis(0))).toThrow(expect.objectContaining({ code: 'SHAPE_MISMATCH' }))
    expect(() => run('ConcatFromSequence', [list(a, input)], axis(0))).toThrow(expect.objectContaining({ code: 'SHAPE_MISMATCH' }))
  })
})

test('optionals hold a value or none', () => {
  const has = (value: Value | undefined): number => ((run('OptionalHasElement', [value])[0] as GraphTensor).data as Uint8Array)[0]!
  const none = run('Optional', [])[0]
  const some = run('Optional', [list(a)])[0]
  expect([has(none), has(some), has(a), has(list()), has(undefined)]).toEqual([0, 1, 1, 1, 0])
  expect(run('OptionalGetElement', [some])[0]).toEqual(list(a))
  expect(run('OptionalGetElement', [a])[0]).toBe(a)
  expect(() => run('OptionalGetElement', [none])).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }))
})
