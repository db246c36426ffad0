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

/** A zero-filled array of `length` elements. */
export function allocate<D extends DType>(dtype: D, length: number): TypedArrayOf[D] {
  return new ARRAYS[dtype](length)
}

/** A typed view of `length` elements over existing memory; `byteOffset` must be a multiple of the element size. */
export function viewAs<D extends DType>(dtype: D, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArrayOf[D] {
  return new ARRAYS[dtype](buffer, byteOffset, length)
}
