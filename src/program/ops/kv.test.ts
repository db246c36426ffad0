import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../core/index.ts'
import { largestBytes } from '../planner.ts'
import { KV_BLOCK_TOKENS, KV_TYPES, type KvType, kvHeadBytes, kvPoolHeads, kvPoolType, kvWrite, poolReader } from './kv.ts'

const [BLOCKS, KV_HEADS, HEAD_DIM] = [2, 2, 6]

function pool(dtype: KvType): Tensor {
  const bytes = new ArrayBuffer(largestBytes(kvPoolType(dtype, KV_HEADS, HEAD_DIM), { blocks: BLOCKS }))
  const data = { f32: Float32Array, f16: Uint16Array, bf16: Uint16Array, i8: Int8Array }[dtype]
  const width = kvPoolType(dtype, KV_HEADS, HEAD_DIM).shape[3] as number
  return { dtype, shape: [BLOCKS, KV_BLOCK_TOKENS, KV_HEADS, width], data: new data(bytes) }
}

/** Writes the rows of tokens' heads to `slots` and gives the pool of values back. */
function written(dtype: KvType, slots: readonly number[], rows: readonly (readonly number[])[]): Tensor {
  const type = { dtype: 'f32', shape: [slots.length, KV_HEADS * HEAD_DIM], data: Float32Array.from(rows.flat()) } as const
  const values = pool(dtype)
  const inputs = [type, type, { dtype: 'i32', shape: [slots.length], data: Int32Array.from(slots) } as const, pool(dtype), values]
  kvWrite.run({ inputs, outputs: [], attributes: {}, produce() {}, resolve: () => 0 })
  return values
}

describe.each(KV_TYPES)('a pool of %s', dtype => {
  test('gives back what was written, in its slot, and nothing else', () => {
    const rows = [0, 1, 2, 3].map(r => Array.from({ length: HEAD_DIM }, (_, d) => (d === 0 ? 127 : r * 8 + d)))
    const values = written(dtype, [17, -1], rows)
    const read = poolReader(values)
    for (const [head, row] of rows.slice(0, KV_HEADS).entries()) expect(row.map((_, d) => read(17 * KV_HEADS + head, d))).toEqual(row)
    const seen = Array.from({ length: BLOCKS * KV_BLOCK_TOKENS * KV_HEADS }, (_, row) => read(row, 0))
    expect(seen.flatMap((x, row) => (x === 0 ? [] : [row]))).toEqual([34, 35])
  })

  test('takes the bytes it says', () => {
    expect(pool(dtype).data.byteLength).toBe(BLOCKS * KV_BLOCK_TOKENS * KV_HEADS * kvHeadBytes(dtype, HEAD_DIM))
    expect(kvHeadBytes(dtype, 64)).toBe({ f32: 256, f16: 128, bf16: 128, i8: 68 }[dtype])
    expect(kvPoolHeads('test', 'pool', kvPoolType(dtype, KV_HEADS, HEAD_DIM))).toEqual({ kvHeads: KV_HEADS, headDim: HEAD_DIM })
  })
})

describe('bytes with a scale', () => {
  const read = (row: readonly number[]): number[] => {
    const reader = poolReader(written('i8', [0], [row, row]))
    return row.map((_, d) => reader(0, d))
  }

  test('the largest magnitude is 127 scales; between two bytes the even one is taken', () => {
    expect(read([-127, 0.5, 1.5, -2.5, 63.49, 0])).toEqual([-127, 0, 2, -2, 63, 0])
    expect(read([0.25 * 127, 0.125, 0.375, -0.3, 0, 8])).toEqual([0.25 * 127, 0, 0.5, -0.25, 0, 8])
  })

  test('no number is further away than half a scale', () => {
    const row = [3.2, -1.7, 0.01, 2.9, -3.1999, 1]
    for (const [d, x] of read(row).entries()) expect(Math.abs(x - row[d]!)).toBeLessThanOrEqual(3.2 / 127 / 2 + 1e-7)
  })

  test('zeros stay zeros, as does what is too small to have a scale', () => {
    expect(read([0, 0, 0, 0, 0, 0])).toEqual([0, 0, 0, 0, 0, 0])
    expect(read([1e-37, 0, 0, -1e-38, 0, 0])).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('a head with a number that is not finite is not taken for one that is', () => {
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY]) expect(read([1, x, 2, 3, 4, 5])).toEqual(new Array(6).fill(Number.NaN))
  })
})
