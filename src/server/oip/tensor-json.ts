import { allocate, bf16ToF32, type ElementType, f16ToF32, f32ToBf16, f32ToF16, HenceError, type Tensor } from '../../core/index.ts'
import type { WireType } from './datatypes.ts'
import { doubleOf, exactInteger } from './exact-json.ts'

/** Deepest nesting of data; shapes have no more dimensions. */
export const MAX_RANK = 32

const INTEGER_RANGES: Readonly<Partial<Record<WireType, readonly [bigint, bigint]>>> = {
  u8: [0n, 2n ** 8n - 1n],
  u16: [0n, 2n ** 16n - 1n],
  u32: [0n, 2n ** 32n - 1n],
  u64: [0n, 2n ** 64n - 1n],
  i8: [-(2n ** 7n), 2n ** 7n - 1n],
  i16: [-(2n ** 15n), 2n ** 15n - 1n],
  i32: [-(2n ** 31n), 2n ** 31n - 1n],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
}

/**
 * A tensor from JSON data, nested or flat, as `parseExactJson` gives it.
 *
 * @param count - the product of the shape
 * @throws HenceError `REQUEST_INVALID`
 */
export function tensorFromJson(
  where: string,
  dtype: WireType,
  shape: readonly number[],
  count: number,
  values: unknown,
): Tensor<ElementType> {
  const flat = Array.isArray(values) ? (values.some(Array.isArray) ? values.flat(MAX_RANK) : values) : [values]
  if (flat.length !== count)
    throw new HenceError('REQUEST_INVALID', `${where}: shape [${shape.join(', ')}] needs ${count} values, but data has ${flat.length}`, {
      wanted: count,
      got: flat.length,
    })
  const read = READERS[dtype] ?? integerReader(dtype)
  const data = allocate(dtype, count) as { [index: number]: unknown }
  for (let i = 0; i < count; i++) {
    const value = read(flat[i])
    if (value === undefined)
      throw new HenceError('REQUEST_INVALID', `${where}: value ${i} is ${kindOf(flat[i])}, which is no ${NOUNS[dtype] ?? dtype}`, {
        index: i,
      })
    data[i] = value
  }
  return { dtype, shape, data } as Tensor<ElementType>
}

type Reader = (value: unknown) => unknown

const READERS: Readonly<Partial<Record<WireType, Reader>>> = {
  bool: value => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined),
  f32: doubleOf,
  f64: doubleOf,
  f16: value => map(doubleOf(value), f32ToF16),
  bf16: value => map(doubleOf(value), f32ToBf16),
  string: value => (typeof value === 'string' ? value : undefined),
}

function integerReader(dtype: WireType): Reader {
  const [least, most] = INTEGER_RANGES[dtype]!
  const isBig = dtype === 'i64' || dtype === 'u64'
  const [low, high] = [Number(least), Number(most)]
  return value => {
    if (!isBig) return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high ? value : undefined
    const exact = exactInteger(value)
    return exact !== undefined && exact >= least && exact <= most ? exact : undefined
  }
}

const NOUNS: Readonly<Partial<Record<WireType, string>>> = {
  bool: 'boolean',
  string: 'text',
  f32: 'number',
  f64: 'number',
  f16: 'number',
  bf16: 'number',
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array nested too deeply'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return exactInteger(value)?.toString().slice(0, 40) ?? (typeof value === 'string' ? 'a text' : 'an object')
}

function map(value: number | undefined, change: (value: number) => number): number | undefined {
  return value === undefined ? undefined : change(value)
}

/**
 * The data of a tensor as JSON: a flat array in row-major order. Whole numbers are exact at any size; JSON has no NaN and
 * no infinities, which stand as null.
 */
export function tensorToJson({ dtype, data }: Tensor<ElementType>): string {
  if (Array.isArray(data)) return JSON.stringify(data)
  if (dtype === 'bool') return `[${Array.from(data as Uint8Array, value => value !== 0).join()}]`
  if (dtype === 'f32' || dtype === 'f64') return JSON.stringify(Array.from(data as Float64Array))
  if (dtype === 'f16') return JSON.stringify(Array.from(data as Uint16Array, f16ToF32))
  if (dtype === 'bf16') return JSON.stringify(Array.from(data as Uint16Array, bf16ToF32))
  return `[${data.join()}]`
}
