import type { ElementType } from '../../core/index.ts'
import type { GraphTensor } from '../operator.ts'

/** Elements from which whole numbers of the host are worth a program. */
export const LARGE = 4096

/** Whole numbers are compared in f32, which holds all of them up to this magnitude and never rounds a larger one to one of them. */
const LARGEST_EXACT = 2 ** 24

/** True for whole numbers that programs compare. */
export function isWhole(dtype: ElementType | undefined): boolean {
  return dtype === 'i32' || dtype === 'i64' || dtype === 'u8' || dtype === 'i8'
}

/** True for known numbers that a comparison with any whole number in f32 cannot mistake. */
export function isExact(tensor: GraphTensor | undefined): boolean {
  if (!tensor || !isWhole(tensor.dtype)) return false
  return (tensor.data as unknown as (number | bigint)[]).every(value => value > -LARGEST_EXACT && value < LARGEST_EXACT)
}
