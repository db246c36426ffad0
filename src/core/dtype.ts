/** Element types of tensors and buffers, with their size in bytes. */
export const DTYPE_BYTES = {
  f32: 4,
  f16: 2,
  bf16: 2,
  f64: 8,
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  bool: 1,
} as const

/** Element type of a tensor. `bool` is one byte, 0 or 1; `f16` and `bf16` are held as their bits. */
export type DType = keyof typeof DTYPE_BYTES

/** The typed array that holds elements of a dtype. */
export interface TypedArrayOf {
  f32: Float32Array
  f16: Uint16Array
  bf16: Uint16Array
  f64: Float64Array
  i8: Int8Array
  u8: Uint8Array
  i16: Int16Array
  u16: Uint16Array
  i32: Int32Array
  u32: Uint32Array
  i64: BigInt64Array
  u64: BigUint64Array
  bool: Uint8Array
}

/** Any typed array a tensor can hold. */
export type TensorData = TypedArrayOf[DType]

/**
 * Arrays of element types that only graphs use. Integers of less than eight bits take a byte each, small floats are held
 * as their bits in a byte each, complex numbers as pairs.
 */
export interface NarrowArrayOf {
  i2: Int8Array
  u2: Uint8Array
  i4: Int8Array
  u4: Uint8Array
  f4e2m1: Uint8Array
  f8e4m3fn: Uint8Array
  f8e4m3fnuz: Uint8Array
  f8e5m2: Uint8Array
  f8e5m2fnuz: Uint8Array
  f8e8m0: Uint8Array
  c64: Float32Array
  c128: Float64Array
  string: string[]
}

/** Every element type a tensor can have; backends compute with {@link DType} only. */
export type ElementType = DType | keyof NarrowArrayOf

/** The array that holds elements of any type. */
export interface ElementArrayOf extends TypedArrayOf, NarrowArrayOf {}

type ArrayConstructor<D extends DType> = {
  new (length: number): TypedArrayOf[D]
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArrayOf[D]
}

const ARRAYS: { readonly [D in DType]: ArrayConstructor<D> } = {
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  f64: Float64Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  bool: Uint8Array,
}

const ARRAYS_BY_TYPE: Readonly<Record<Exclude<ElementType, 'string'>, new (length: number) => unknown>> = {
  ...ARRAYS,
  i2: Int8Array,
  u2: Uint8Array,
  i4: Int8Array,
  u4: Uint8Array,
  f4e2m1: Uint8Array,
  f8e4m3fn: Uint8Array,
  f8e4m3fnuz: Uint8Array,
  f8e5m2: Uint8Array,
  f8e5m2fnuz: Uint8Array,
  f8e8m0: Uint8Array,
  c64: Float32Array,
  c128: Float64Array,
}

/** An array of `length` entries, zeros or empty strings. A complex element takes two entries. */
export function allocate<D extends ElementType>(dtype: D, length: number): ElementArrayOf[D] {
  if (dtype === 'string') return new Array<string>(length).fill('') as ElementArrayOf[D]
  return new ARRAYS_BY_TYPE[dtype as Exclude<D, 'string'>](length) as ElementArrayOf[D]
}

/** A typed view of `length` elements over existing memory; `byteOffset` must be a multiple of the element size. */
export function viewAs<D extends DType>(dtype: D, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArrayOf[D] {
  return new ARRAYS[dtype](buffer, byteOffset, length)
}
