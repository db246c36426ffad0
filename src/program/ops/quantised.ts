import type { Tensor } from '../../core/index.ts'
import type { BufferType } from '../buffer.ts'
import type { Dim } from '../dims.ts'
import { formatShape, sameDim } from '../dims.ts'
import { check, f32, operand } from '../op.ts'

/** What the products over 8-bit numbers say about their weights. */
export interface QuantisedAttributes {
  /** How the weight is stored: whole numbers in -128..127 or 0..255. */
  readonly weightType: 'i8' | 'u8'
}

/** Names of the operands that all products over 8-bit numbers take, in order. */
export const QUANTISED_OPERANDS: readonly string[] = [
  'x',
  'x_scale',
  'x_zero?',
  'weight',
  'weight_scale',
  'weight_zero?',
  'bias?',
  'residual?',
]

/** The shape of an operand of 8-bit numbers, signed or not. @throws HenceError `PROGRAM_INVALID` */
export function bytesOperand(op: string, type: BufferType | undefined, rank: number): readonly Dim[] {
  return operand(op, 'x', type, type?.dtype === 'u8' ? 'u8' : 'i8', rank).shape
}

/** Checks that an operand holds one number, or one for each of `count`. @throws HenceError `PROGRAM_INVALID` */
export function checkGrid(op: string, name: string, type: BufferType | undefined, count: Dim): void {
  const [size] = operand(op, name, type, 'f32', 1).shape as readonly [Dim]
  check(size === 1 || sameDim(size, count), op, `operand ${name} has ${formatShape([size])} numbers, needs 1 or ${formatShape([count])}`)
}

/** The attribute, checked. @throws HenceError `PROGRAM_INVALID` */
export function checkWeightType(op: string, { weightType }: QuantisedAttributes): void {
  check(weightType === 'i8' || weightType === 'u8', op, `weights are i8 or u8, not ${weightType}`)
}

/** The number that belongs to each index: one for all, or one each; 0 where the operand is left out. */
export function gridOf(tensor: Tensor | undefined): (index: number) => number {
  if (!tensor) return () => 0
  const data = f32(tensor)
  const step = tensor.shape[0] === 1 ? 0 : 1
  return index => data[step * index]!
}
