import { bf16ToF32, elementCount, f16ToF32, f32ToBf16, f32ToF16, HenceError } from '../../core/index.ts'
import type { GraphTensor } from '../operator.ts'
import type { ValueType } from './value-type.ts'

/** The numbers of a float or truth-value tensor as f32; an f32 tensor's own array. */
export function toFloat32({ dtype, data }: GraphTensor): Float32Array {
  if (dtype === 'f32') return data as Float32Array
  if (dtype === 'f16') return Float32Array.from(data as Uint16Array, f16ToF32)
  if (dtype === 'bf16') return Float32Array.from(data as Uint16Array, bf16ToF32)
  if (dtype === 'bool') return Float32Array.from(data as Uint8Array)
  throw new HenceError('PROGRAM_INVALID', `${dtype} numbers are not computed in f32`, { dtype })
}

/** Whole numbers as indices into `rows` rows; negative ones count from the end. @throws HenceError `SHAPE_MISMATCH` */
export function toIndices({ data }: GraphTensor, rows: number): Int32Array {
  const indices = new Int32Array(data.length)
  for (let i = 0; i < indices.length; i++) {
    const value = Number(data[i])
    if (!(value >= -rows && value < rows))
      throw new HenceError('SHAPE_MISMATCH', `the index ${data[i]} is outside a table of ${rows} rows`, { index: String(data[i]), rows })
    indices[i] = value < 0 ? value + rows : value
  }
  return indices
}

/** f32 results as a tensor of the type the graph says, in memory of its own. */
export function fromFloat32(data: Float32Array, { dtype, shape }: ValueType): GraphTensor {
  const values = data.subarray(0, elementCount(shape))
  if (dtype === 'f32') return { dtype, shape, data: values.slice() }
  if (dtype === 'f16') return { dtype, shape, data: Uint16Array.from(values, f32ToF16) }
  if (dtype === 'bf16') return { dtype, shape, data: Uint16Array.from(values, f32ToBf16) }
  if (dtype === 'bool') return { dtype, shape, data: Uint8Array.from(values, value => (value === 0 ? 0 : 1)) }
  throw new HenceError('PROGRAM_INVALID', `${dtype} is not computed in f32`, { dtype })
}
