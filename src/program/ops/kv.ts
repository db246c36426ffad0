import { bf16ToF32, DTYPE_BYTES, type DType, f16ToF32, f32ToBf16, f32ToF16, roundHalfEven, type Tensor } from '../../core/index.ts'
import type { BufferType } from '../buffer.ts'
import { boundDim } from '../dims.ts'
import { agree, check, f32, i32, knownDim, type Op, operand } from '../op.ts'

/** Tokens in one block of a key or value pool. */
export const KV_BLOCK_TOKENS = 16

/** Element types a key or value pool may have, in the order native code numbers them. */
export const KV_TYPES = ['f32', 'f16', 'bf16', 'i8'] as const

/** Element type of a key or value pool. */
export type KvType = (typeof KV_TYPES)[number]

/** Bytes of the f32 scale that each head of a token has in an `i8` pool, behind its numbers. */
const SCALE_BYTES = 4
/** A head whose largest number is smaller than 127 times this is stored as zeros: beyond it numbers would lose bits. */
const SMALLEST_SCALE = 2 ** -100

/** Bytes that a key or a value of one head of one token takes. */
export function kvHeadBytes(dtype: KvType, headDim: number): number {
  return headDim * DTYPE_BYTES[dtype] + (dtype === 'i8' ? SCALE_BYTES : 0)
}

/**
 * The type of a key or value pool: `[blocks, 16, kvHeads, headDim]`, in an `i8` pool `[blocks, 16, kvHeads, headDim + 4]` with
 * room for a scale per token and head. How a backend lays out a block is its own affair.
 */
export function kvPoolType(dtype: KvType, kvHeads: number, headDim: number): BufferType {
  return { dtype, shape: [boundDim('blocks'), KV_BLOCK_TOKENS, kvHeads, kvHeadBytes(dtype, headDim) / DTYPE_BYTES[dtype]] }
}

/** Heads of a pool and their width. @throws HenceError `PROGRAM_INVALID` where the operand is not a pool */
export function kvPoolHeads(
  op: string,
  name: string,
  type: BufferType | undefined,
): { readonly kvHeads: number; readonly headDim: number } {
  const dtype: DType | undefined = type?.dtype
  check(isKvType(dtype), op, `operand ${name} must be a pool of ${KV_TYPES.join(', ')}`)
  const { shape } = operand(op, name, type, dtype, 4)
  check(shape[1] === KV_BLOCK_TOKENS, op, `${name} has blocks of another size than ${KV_BLOCK_TOKENS} tokens`)
  const width = knownDim(op, `width of ${name}`, shape[3])
  return { kvHeads: knownDim(op, `heads of ${name}`, shape[2]), headDim: dtype === 'i8' ? width - SCALE_BYTES : width }
}

function isKvType(dtype: DType | undefined): dtype is KvType {
  return (KV_TYPES as readonly (DType | undefined)[]).includes(dtype)
}

/** Reads number `d` of a row of a pool; a row is a head of a slot: `slot · kvHeads + head`. */
export function poolReader({ dtype, shape, data }: Tensor): (row: number, d: number) => number {
  const width = shape[3]!
  if (dtype === 'i8') {
    const scales = scalesOf(data as Int8Array, width)
    return (row, d) => (data as Int8Array)[row * width + d]! * scales.get(row)
  }
  const numbers = data as Float32Array | Uint16Array
  if (dtype === 'f16') return (row, d) => f16ToF32(numbers[row * width + d]!)
  if (dtype === 'bf16') return (row, d) => bf16ToF32(numbers[row * width + d]!)
  return (row, d) => numbers[row * width + d]!
}

/** Stores the numbers `source[from ..]` as a row of a pool. */
function poolWriter({ dtype, shape, data }: Tensor): (row: number, source: Float32Array, from: number) => void {
  const width = shape[3]!
  if (dtype === 'i8') {
    const [bytes, scales] = [data as Int8Array, scalesOf(data as Int8Array, width)]
    return (row, source, from) => {
      const numbers = source.subarray(from, from + width - SCALE_BYTES)
      const scale = scaleOf(numbers)
      scales.set(row, scale)
      for (const [d, x] of numbers.entries()) bytes[row * width + d] = scale > 0 ? roundHalfEven(Math.fround(x / scale)) : 0
    }
  }
  const numbers = data as Float32Array | Uint16Array
  const encode = dtype === 'f16' ? f32ToF16 : dtype === 'bf16' ? f32ToBf16 : (x: number) => x
  return (row, source, from) => {
    for (let d = 0; d < width; d++) numbers[row * width + d] = encode(source[from + d]!)
  }
}

/** The scale of a row, in f32: its largest magnitude is 127 of them. 0 for zeros, NaN where a number is not finite. */
function scaleOf(numbers: Float32Array): number {
  let largest = 0
  for (const x of numbers) {
    if (!Number.isFinite(x)) return Number.NaN
    largest = Math.max(largest, Math.abs(x))
  }
  const scale = Math.fround(largest / 127)
  return scale < SMALLEST_SCALE ? 0 : scale
}

/** The scales of an `i8` pool with rows of `width` bytes. */
function scalesOf({ buffer, byteOffset }: Int8Array, width: number): { get(row: number): number; set(row: number, scale: number): void } {
  const view = new DataView(buffer, byteOffset)
  const at = (row: number): number => (row + 1) * width - SCALE_BYTES
  return { get: row => view.getFloat32(at(row), true), set: (row, scale) => view.setFloat32(at(row), scale, true) }
}

/**
 * Stores each token's keys and values `[T, kvHeads · headDim]` in its slot: block `slot / 16`, place `slot % 16`; a token whose
 * slot is negative is left out. In an `i8` pool a number x of a head becomes the byte x / scale, rounded to nearest even, and stands for byte · scale from then on; the
 * scale is the head's largest magnitude / 127, both divisions in f32. A head with a number that is not finite reads as NaN.
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
      const { kvHeads, headDim } = kvPoolHeads('kv_write', `${name}Pool`, pool)
      agree('kv_write', 'tokens', type.shape[0]!, tokens)
      agree('kv_write', 'row and pool', type.shape[1]!, kvHeads * headDim)
    }
    return []
  },
  run({ inputs: [key, value, slots, keyPool, valuePool] }) {
    for (const [rows, pool] of [
      [key!, keyPool!],
      [value!, valuePool!],
    ] as const) {
      const [columns, kvHeads] = [rows.shape[1]!, pool.shape[2]!]
      const source = f32(rows)
      const write = poolWriter(pool)
      for (const [t, slot] of i32(slots).entries())
        for (let head = 0; slot >= 0 && head < kvHeads; head++)
          write(slot * kvHeads + head, source, t * columns + (head * columns) / kvHeads)
    }
  },
}
