import { elementCount } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type OperatorCall } from '../../operator.ts'
import { broadcastStrides, checkStretches, forEachRow, numbersOf, stridesOf, workNumbers } from '../support/index.ts'

/** Mean and inverse standard deviation of one row. */
export interface RowMoments {
  readonly mean: Float64Array<ArrayBuffer>
  readonly inverse: Float64Array<ArrayBuffer>
}

/**
 * Standardizes rows of `size` neighbours in place to zero mean and unit variance.
 *
 * @param centered - false leaves the mean in place and divides by the root of the mean square
 */
export function standardizeRows(call: OperatorCall, values: Float64Array, size: number, epsilon: number, centered = true): RowMoments {
  const rows = size === 0 ? 0 : values.length / size
  const mean = workNumbers(call, rows)
  const inverse = workNumbers(call, rows)
  for (let row = 0, start = 0; row < rows; row++, start += size) {
    const end = start + size
    let sum = 0
    if (centered) for (let index = start; index < end; index++) sum += values[index]!
    const average = sum / size
    let squares = 0
    for (let index = start; index < end; index++) {
      const distance = values[index]! - average
      squares += distance * distance
    }
    const factor = 1 / Math.sqrt(squares / size + epsilon)
    for (let index = start; index < end; index++) values[index] = (values[index]! - average) * factor
    mean[row] = average
    inverse[row] = factor
  }
  return { mean, inverse }
}

/**
 * A parameter that stretches to `shape`, as a dense array of the trailing axes it varies along: element i of the tensor
 * takes entry i modulo the length.
 *
 * @throws HenceError `SHAPE_MISMATCH`
 */
export function stretchedNumbers(call: OperatorCall, parameter: GraphTensor, shape: readonly number[]): Float64Array {
  const values = numbersOf(call, parameter)
  checkStretches(call, parameter.shape, shape)
  const lead = parameter.shape.findIndex(size => size !== 1)
  const own = lead < 0 ? [] : parameter.shape.slice(lead)
  const target = shape.slice(shape.length - own.length)
  if (own.join() === target.join()) return values
  const stretched = workNumbers(call, elementCount(target))
  forEachRow(target, [stridesOf(target), broadcastStrides(own, target)], (offsets, length, steps) => {
    for (let i = 0; i < length; i++) stretched[offsets[0]! + i * steps[0]!] = values[offsets[1]! + i * steps[1]!]!
  })
  return stretched
}

/** `values · scale + bias` in place, either left out; parameters repeat with their own length. */
export function scaleAndShift(values: Float64Array, scale: Float64Array | undefined, bias: Float64Array | undefined): void {
  if (scale)
    for (let index = 0, at = 0; index < values.length; index++) {
      values[index]! *= scale[at]!
      if (++at === scale.length) at = 0
    }
  if (bias)
    for (let index = 0, at = 0; index < values.length; index++) {
      values[index]! += bias[at]!
      if (++at === bias.length) at = 0
    }
}

/** One number per channel. @throws HenceError `SHAPE_MISMATCH` */
export function channelNumbers(call: OperatorCall, parameter: GraphTensor, channels: number, what: string): Float64Array<ArrayBuffer> {
  const values = numbersOf(call, parameter)
  checkShape(values.length === channels, call, `${what} has ${values.length} elements for ${channels} channels`, { channels })
  return values
}
