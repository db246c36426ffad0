import { describe, expect, test } from 'vitest'
import { type ElementType, f32ToBf16, f32ToF16, type Tensor, tensor } from '../../../src/core/index.ts'
import type { Value } from '../../../src/graph/index.ts'
import { difference } from './compare.ts'

const f32 = (...values: number[]): Tensor<ElementType> => tensor('f32', [values.length], Float32Array.from(values))
const i64 = (...values: bigint[]): Tensor<ElementType> => tensor('i64', [values.length], BigInt64Array.from(values))
const bits = (dtype: 'f16' | 'bf16', ...values: number[]): Tensor<ElementType> => tensor(dtype, [values.length], Uint16Array.from(values))
const codes = (dtype: 'f8e4m3fn' | 'f8e5m2' | 'f8e5m2fnuz' | 'u8', ...values: number[]): Tensor<ElementType> =>
  tensor(dtype, [values.length], Uint8Array.from(values))
const sequence = (...items: Value[]): Value => ({ kind: 'sequence', items })

test.each<[string, Value, Value]>([
  ['equal numbers', f32(1, Number.NaN, Infinity, -0), f32(1, Number.NaN, Infinity, 0)],
  ['a thousandth away', f32(1000, 1e-7), f32(1000.9, 0)],
  ['half precision a step away', bits('f16', f32ToF16(1)), bits('f16', f32ToF16(1) + 1)],
  ['bfloat16 two steps away', bits('bf16', f32ToBf16(1)), bits('bf16', f32ToBf16(1) + 2)],
  ['every NaN of float 8', codes('f8e5m2', 0x7e), codes('f8e5m2', 0x7f)],
  ['sequences', sequence(f32(1), i64(1n)), sequence(f32(1), i64(1n))],
  ['absent optionals', { kind: 'optional', value: undefined }, { kind: 'optional', value: undefined }],
  ['a present optional and its value', { kind: 'optional', value: f32(1) }, f32(1)],
  ['maps', { kind: 'map', entries: new Map([['a', 1]]) }, { kind: 'map', entries: new Map([['a', 1.0001]]) }],
])('agree: %s', (_, expected, got) => {
  expect(difference(expected, got)).toBeUndefined()
})

describe('differ', () => {
  test.each<[string, Value, Value | undefined, string]>([
    ['nothing', f32(1), undefined, 'there is no value'],
    ['the type', f32(1), i64(1n), 'expected f32, got i64'],
    ['the shape', f32(1), tensor('f32', [1, 1]), 'expected shape [1], got [1, 1]'],
    ['numbers', f32(1, 2, 3), f32(1, 2.1, 4), '2 of 3 elements differ (f32 [3]); most at 2: expected 3, got 4'],
    ['NaN', f32(1), f32(Number.NaN), 'expected 1, got NaN'],
    ['the sign of infinity', f32(Infinity), f32(-Infinity), 'expected Infinity, got -Infinity'],
    ['integers by one', codes('u8', 200), codes('u8', 201), 'expected 200, got 201'],
    ['large integers by one', i64(2n ** 62n), i64(2n ** 62n + 1n), 'expected "4611686018427387904", got "4611686018427387905"'],
    ['float 8 by a step', codes('f8e4m3fn', 0x38), codes('f8e4m3fn', 0x39), 'expected 1, got 1.125'],
    ['half precision by two steps', bits('f16', f32ToF16(1)), bits('f16', f32ToF16(1) + 2), 'expected 1, got 1.001953125'],
    ['strings', tensor('string', [1], ['a']), tensor('string', [1], ['b']), 'expected "a", got "b"'],
    ['the length of sequences', sequence(f32(1)), sequence(), 'expected 1 items, got 0'],
    ['an item', sequence(f32(1), f32(2)), sequence(f32(1), f32(3)), 'item 1: 1 of 1 elements differ'],
    ['presence', { kind: 'optional', value: undefined }, { kind: 'optional', value: f32(1) }, 'expected nothing, got a value'],
    ['the kind', sequence(), { kind: 'map', entries: new Map() }, 'expected a sequence, got a map'],
    ['a key', { kind: 'map', entries: new Map([[1n, 'a']]) }, { kind: 'map', entries: new Map([[2n, 'a']]) }, 'entry 1: expected a'],
  ])('%s', (_, expected, got, message) => {
    expect(difference(expected, got)).toContain(message)
  })
})
