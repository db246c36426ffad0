import { allocate, type DType, type ElementType, viewAs } from '../../core/index.ts'
import type { OnnxElementType } from './element-types.ts'
import type { OnnxTensor } from './model.ts'

/** Elements of the array that holds a tensor: two for each complex number. */
export function entryCount(dtype: ElementType, elements: number): number {
  return dtype === 'c64' || dtype === 'c128' ? elements * 2 : elements
}

/** Bytes that `elements` take in raw form. */
export function rawByteLength({ bits }: OnnxElementType, elements: number): number {
  return Math.ceil((elements * bits) / 8)
}

/** The alignment in bytes that a view of a type needs. */
export function alignment({ dtype, bits }: OnnxElementType): number {
  return dtype === 'c64' ? 4 : dtype === 'c128' ? 8 : Math.max(1, bits / 8)
}

/**
 * Elements in raw form as an array: a view when `bytes` are aligned and the type needs no unpacking, else a copy.
 *
 * @param bytes - exactly {@link rawByteLength} of them
 * @returns undefined when a bool is neither 0 nor 1
 */
export function elementsOf(type: OnnxElementType, bytes: Uint8Array, elements: number): OnnxTensor['data'] | undefined {
  const { dtype, bits } = type
  if (bits < 8) return unpack(dtype, bits, bytes, elements)
  if (dtype === 'bool' && bytes.some(byte => byte > 1)) return undefined
  // A slice of a Buffer would share its memory.
  const aligned = bytes.byteOffset % alignment(type) === 0 ? bytes : new Uint8Array(bytes)
  return viewAs(STORED_AS[dtype] ?? (dtype as DType), aligned.buffer, aligned.byteOffset, entryCount(dtype, elements))
}

/** Arrays of types that backends do not compute with. */
const STORED_AS: Partial<Record<ElementType, DType>> = {
  f8e4m3fn: 'u8',
  f8e4m3fnuz: 'u8',
  f8e5m2: 'u8',
  f8e5m2fnuz: 'u8',
  f8e8m0: 'u8',
  c64: 'f32',
  c128: 'f64',
}

/** One element per byte from several; the first is in the low bits. */
function unpack(dtype: ElementType, bits: number, bytes: Uint8Array, elements: number): OnnxTensor['data'] {
  const values = allocate(dtype, elements) as Uint8Array | Int8Array
  const perByte = 8 / bits
  const mask = 2 ** bits - 1
  const signBit = dtype === 'i4' || dtype === 'i2' ? 2 ** (bits - 1) : 0
  for (let i = 0; i < elements; i++) {
    const value = (bytes[Math.floor(i / perByte)]! >>> ((i % perByte) * bits)) & mask
    values[i] = (value ^ signBit) - signBit
  }
  return values
}
