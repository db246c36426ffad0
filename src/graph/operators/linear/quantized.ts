import { type ElementType, elementCount } from '../../../core/index.ts'
import type { GraphTensor, OperatorCall } from '../../operator.ts'
import {
  broadcastStrides,
  checkStretches,
  forEachRow,
  integerRange,
  isFloat,
  numbersOf,
  roundHalfEven,
  tensorFromNumbers,
} from '../support/index.ts'

/** Axis a vector of scales or zero points runs along: rows (-2) or columns (-1) of a matrix. */
export type ParameterAxis = -2 | -1

/** How a scale or zero point lines up with a matrix (or a stack of them): alone, one per row or column, or of full rank. */
export function parameterShape(parameter: GraphTensor, axis: ParameterAxis): readonly number[] {
  if (elementCount(parameter.shape) === 1) return []
  if (parameter.shape.length === 1 && axis === -2) return [parameter.shape[0]!, 1]
  return parameter.shape
}

/** Values less their zero point, exact in doubles. @throws HenceError `SHAPE_MISMATCH` when the zero point does not line up */
export function centeredNumbers(
  call: OperatorCall,
  input: GraphTensor,
  zeroPoint: GraphTensor | undefined,
  axis: ParameterAxis = -1,
): Float64Array<ArrayBuffer> {
  const values = numbersOf(call, input)
  if (!zeroPoint) return values
  const zeros = numbersOf(call, zeroPoint)
  if (zeros.every(zero => zero === 0)) return values
  const shape = input.shape.length === 1 ? (axis === -1 ? [1, ...input.shape] : [...input.shape, 1]) : input.shape
  const own = parameterShape(zeroPoint, axis)
  checkStretches(call, own, shape)
  forEachRow(shape, [broadcastStrides(shape, shape), broadcastStrides(own, shape)], (offsets, length, steps) => {
    const [at, zeroAt] = [offsets[0]!, offsets[1]!]
    for (let i = 0; i < length; i++) values[at + i * steps[0]!]! -= zeros[zeroAt + i * steps[1]!]!
  })
  return values
}

/**
 * Rounds `values`, already divided by the scale, adds the zero point and saturates. Small floats are only rounded to their
 * own precision.
 */
export function quantizedTensor(
  call: OperatorCall,
  dtype: ElementType,
  shape: readonly number[],
  values: Float64Array<ArrayBuffer>,
  zeroPoint: number,
): GraphTensor {
  if (isFloat(dtype)) {
    for (let index = 0; index < values.length; index++) values[index]! += zeroPoint
    return tensorFromNumbers(call, dtype, shape, values)
  }
  const [least, greatest] = integerRange(dtype)
  for (let index = 0; index < values.length; index++)
    values[index] = Math.min(greatest, Math.max(least, roundHalfEven(values[index]!) + zeroPoint))
  return tensorFromNumbers(call, dtype, shape, values)
}
