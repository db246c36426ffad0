/** Value types of GGUF metadata by their id in the file. Source: the GGUF specification. */
export const GGUF_VALUE_TYPES = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'string', 'array', 'u64', 'i64', 'f64'] as const

/** Name of a GGUF metadata value type. */
export type GgufValueType = (typeof GGUF_VALUE_TYPES)[number]

/** Fewest bytes that one value of a type takes in a file. */
export const GGUF_VALUE_BYTES: { readonly [T in GgufValueType]: number } = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  string: 8,
  array: 12,
  u64: 8,
  i64: 8,
  f64: 8,
}

/** Typed arrays that hold GGUF arrays of numbers up to 32 bits and of f64. */
export type GgufNumbers = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array

/**
 * A metadata value. 64-bit integers are numbers when exact, else bigints; arrays of numbers are typed arrays except those
 * of 64-bit integers.
 */
export type GgufValue = number | bigint | boolean | string | GgufNumbers | readonly GgufValue[]
