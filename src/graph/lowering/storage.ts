import { bf16ToF32, type ElementType, elementCount, f16ToF32, f32ToBf16, f32ToF16, HenceError, type TensorData } from '../../core/index.ts'
import type { GraphTensor } from '../operator.ts'
import type { ValueType } from './value-type.ts'

/** Whole numbers that programs hold as they are. */
export type WholeType = 'u8' | 'i8' | 'i32'

/** Element types of buffers that hold values of a graph. */
export type HeldType = 'f32' | 'i64' | WholeType

/** Element types that are computed in f32: narrower floats are widened, truth values are 0 and 1. */
export function isComputedInF32(dtype: ElementType): boolean {
  return dtype === 'f32' || dtype === 'f16' || dtype === 'bf16' || dtype === 'bool'
}

/** True for element types that programs hold as they are and never compute in. */
export function isHeldWhole(dtype: ElementType): dtype is WholeType {
  return dtype === 'u8' || dtype === 'i8' || dtype === 'i32'
}

/** The element type of a buffer for values of a type. @throws HenceError `PROGRAM_INVALID` */
export function heldAs(dtype: ElementType): HeldType {
  if (isHeldWhole(dtype) || dtype === 'i64') return dtype
  if (isComputedInF32(dtype)) return 'f32'
  throw new HenceError('PROGRAM_INVALID', `programs do not hold ${dtype} numbers`, { dtype })
}

/** The numbers of a tensor that programs hold as f32; an f32 tensor's own array. */
export function toFloat32({ dtype, data }: GraphTensor): Float32Array {
  if (dtype === 'f32') return data as Float32Array
  if (dtype === 'f16') return Float32Array.from(data as Uint16Array, f16ToF32)
  if (dtype === 'bf16') return Float32Array.from(data as Uint16Array, bf16ToF32)
  if (dtype === 'bool' || isHeldWhole(dtype)) return Float32Array.from(data as Uint8Array)
  throw new HenceError('PROGRAM_INVALID', `${dtype} numbers are not computed in f32`, { dtype })
}

/**
 * Whole numbers from `least` on as indices into `rows` rows; negative ones count from the end.
 *
 * @throws HenceError `SHAPE_MISMATCH`
 */
export function toIndices({ data }: GraphTensor, rows: number, least: number = -rows): Int32Array {
  const indices = new Int32Array(data.length)
  for (let i = 0; i < indices.length; i++) {
    const value = Number(data[i])
    if (!(value >= least && value < rows))
      throw new HenceError('SHAPE_MISMATCH', `${data[i]} is not a whole number from ${least} to ${rows - 1}`, {
        index: String(data[i]),
        least,
        most: rows - 1,
      })
    indices[i] = value < 0 ? value + rows : value
  }
  return indices
}

/** A tensor's numbers as a program takes them in. */
export function toHeld(tensor: GraphTensor, dtype: HeldType): TensorData {
  return dtype === 'f32' ? toFloat32(tensor) : (tensor.data as TensorData)
}

/** Results of a program as a tensor of the type the graph says, in memory of its own. */
export function fromHeld(data: TensorData, { dtype, shape }: ValueType): GraphTensor {
  if (isHeldWhole(dtype) || dtype === 'i64') return { dtype, shape, data: data.slice(0, elementCount(shape)) } as GraphTensor
  const values = (data as Float32Array).subarray(0, elementCount(shape))
  if (dtype === 'f32') return { dtype, shape, data: values.slice() }
  if (dtype === 'f16') return { dtype, shape, data: Uint16Array.from(values, f32ToF16) }
  if (dtype === 'bf16') return { dtype, shape, data: Uint16Array.from(values, f32ToBf16) }
  if (dtype === 'bool') return { dtype, shape, data: Uint8Array.from(values, value => (value === 0 ? 0 : 1)) }
  throw new HenceError('PROGRAM_INVALID', `${dtype} is not computed in f32`, { dtype })
}
