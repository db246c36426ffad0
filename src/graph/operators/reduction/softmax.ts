import { type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { normalizeAxis, numbersOf, tensorFromNumbers } from '../support/index.ts'

/** `size` elements of a row, `step` apart. */
type RowFunction = (values: Float64Array, first: number, step: number, size: number) => void

/**
 * An operator on rows along an axis. Before version 13 the axes from `axis` on are one row together.
 */
function rowwise(name: string, apply: RowFunction): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const input = tensorInput(call, 0)
      const { inner, size, count } = rowsOf(call, input.shape)
      const values = numbersOf(call, input)
      for (let row = 0; row < count; row++) apply(values, Math.floor(row / inner) * size * inner + (row % inner), inner, size)
      return [tensorFromNumbers(call, input.dtype, input.shape, values)]
    },
  }
}

function rowsOf(call: OperatorCall, shape: readonly number[]): { inner: number; size: number; count: number } {
  const isFlat = call.version < 13
  const rank = shape.length
  const given = call.attributes.int('axis', isFlat ? 1 : -1)
  const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1)
  const axis = isFlat && given === rank ? rank : normalizeAxis(call, given, Math.max(rank, 1))
  const inner = isFlat ? 1 : product(shape.slice(axis + 1))
  const size = isFlat ? product(shape.slice(axis)) : (shape[axis] ?? 1)
  return { inner, size, count: size === 0 ? 0 : product(shape.slice(0, axis)) * inner }
}

function greatestOf(values: Float64Array, first: number, step: number, size: number): number {
  let greatest = Number.NEGATIVE_INFINITY
  for (let index = 0; index < size; index++) greatest = Math.max(greatest, values[first + index * step]!)
  return greatest
}

const softmax: RowFunction = (values, first, step, size) => {
  const greatest = greatestOf(values, first, step, size)
  let sum = 0
  for (let index = 0; index < size; index++) {
    const power = Math.exp(values[first + index * step]! - greatest)
    values[first + index * step] = power
    sum += power
  }
  for (let index = 0; index < size; index++) values[first + index * step]! /= sum
}

const logSoftmax: RowFunction = (values, first, step, size) => {
  const greatest = greatestOf(values, first, step, size)
  let sum = 0
  for (let index = 0; index < size; index++) sum += Math.exp(values[first + index * step]! - greatest)
  const shift = greatest + Math.log(sum)
  for (let index = 0; index < size; index++) values[first + index * step]! -= shift
}

/** 1 at the first greatest element, 0 elsewhere. */
const hardmax: RowFunction = (values, first, step, size) => {
  let best = 0
  for (let index = 1; index < size; index++) if (values[first + index * step]! > values[first + best * step]!) best = index
  for (let index = 0; index < size; index++) values[first + index * step] = index === best ? 1 : 0
}

/** Normalized exponentials and their relatives. */
export const softmaxes: readonly Operator[] = [rowwise('Softmax', softmax), rowwise('LogSoftmax', logSoftmax), rowwise('Hardmax', hardmax)]
