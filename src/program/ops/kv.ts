import { bf16ToF32, type DType, f16ToF32, f32ToBf16, f32ToF16, type Tensor } from '../../core/index.ts'
import type { BufferType } from '../buffer.ts'
import { boundDim } from '../dims.ts'
import { agree, check, f32, i32, type Op, operand } from '../op.ts'

/** Tokens in one block of a key or value pool. */
export const KV_BLOCK_TOKENS = 16

/** Element types a key or value pool may have. */
export type KvType = 'f32' | 'f16' | 'bf16'

/** The type of a key or value pool: `[blocks, 16, kvHeads, headDim]`. How a backend lays out a block is its own affair. */
export function kvPoolType(dtype: KvType, kvHeads: number, headDim: number): BufferType {
  return { dtype, shape: [boundDim('blocks'), KV_BLOCK_TOKENS, kvHeads, headDim] }
}

/** Checks a pool operand. */
export function kvPool(op: string, name: string, type: BufferType | undefined): BufferType {
  const dtype: DType | undefined = type?.dtype
  check(dtype === 'f32' || dtype === 'f16' || dtype === 'bf16', op, `operand ${name} must be a pool of f32, f16 or bf16`)
  return operand(op, name, type, dtype, 4)
}

/** Reads element `i` of a pool as a number. */
export function poolReader(pool: Tensor): (i: number) => number {
  const data = pool.data as Float32Array | Uint16Array
  if (pool.dtype === 'f16') return i => f16ToF32(data[i]!)
  if (pool.dtype === 'bf16') return i => bf16ToF32(data[i]!)
  return i => data[i]!
}

/**
 * Stores each token's keys and values `[T, kvHeads · headDim]` in its slot: block `slot / 16`, place `slot % 16`.
 * Operands: key, value, slots `[T]` i32, key pool, value pool.
 */
export const kvWrite: Op = {
  name: 'kv_write',
  operands: ['key', 'value', 'slots', 'keyPool', 'valuePool'],
  mutates: [3, 4],
  infer([key, value, slots, keyPool, valuePool]) {
    const tokens = operand('kv_write', 'slots', slots, 'i32', 1).shape[0]!
    for (const [name, rows, pool] of [
      ['key', key, keyPool],
      ['value', value, valuePool],
    ] as const) {
      const type = operand('kv_write', name, rows, 'f32', 2)
      const { shape } = kvPool('kv_write', `${name}Pool`, pool)
      agree('kv_write', 'tokens', type.shape[0]!, tokens)
      agree('kv_write', 'row and pool', type.shape[1]!, (shape[2] as number) * (shape[3] as number))
    }
    return []
  },
  run({ inputs: [key, value, slots, keyPool, valuePool] }) {
    for (const [rows, pool] of [
      [key!, keyPool!],
      [value!, valuePool!],
    ] as const) {
      const width = rows.shape[1]!
      const source = f32(rows)
      const target = pool.data as Float32Array | Uint16Array
      const encode = pool.dtype === 'f16' ? f32ToF16 : pool.dtype === 'bf16' ? f32ToBf16 : (x: number) => x
      for (const [t, slot] of i32(slots).entries())
        for (let i = 0; i < width; i++) target[slot * width + i] = encode(source[t * width + i]!)
    }
  },
}
