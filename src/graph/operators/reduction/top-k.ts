import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import {
  cellsOf,
  copyCells,
  indexTensor,
  integerInput,
  isWide,
  normalizeAxis,
  numbersOf,
  outputTensor,
  workNumbers,
} from '../support/index.ts'

/** The k greatest or least elements along an axis with their positions; equal elements in order of position. */
const topK: Operator = {
  domain: '',
  name: 'TopK',
  run: call => {
    const { attributes } = call
    const input = tensorInput(call, 0)
    const axis = normalizeAxis(call, attributes.int('axis', -1), input.shape.length)
    const size = input.shape[axis]!
    const k = call.version < 10 ? attributes.int('k') : integerInput(call, 1, 'k')
    checkShape(k >= 0 && k <= size, call, `k is ${k}, axis ${axis} has the size ${size}`, { k, axis, size })
    const inner = input.shape.slice(axis + 1).reduce((count, length) => count * length, 1)
    const outer = input.shape.slice(0, axis).reduce((count, length) => count * length, 1)
    const shape = input.shape.map((length, at) => (at === axis ? k : length))
    const values = outputTensor(call, input.dtype, shape)
    const positions = workNumbers(call, outer * k * inner)
    const [from, to] = [cellsOf(input), cellsOf(values)]
    const { compare, aim } = comparatorOf(call, input, attributes.int('largest', 1) !== 0)
    const order = new Array<number>(size)
    for (let lane = 0; lane < outer * inner; lane++) {
      const lead = Math.floor(lane / inner)
      const rest = lane % inner
      const first = lead * size * inner + rest
      aim(first, inner)
      for (let index = 0; index < size; index++) order[index] = index
      order.sort(compare)
      for (let rank = 0; rank < k; rank++) {
        const write = (lead * k + rank) * inner + rest
        positions[write] = order[rank]!
        copyCells(from.data, (first + order[rank]! * inner) * from.lanes, to.data, write * to.lanes, to.lanes)
      }
    }
    return [values, indexTensor(call, shape, positions)]
  },
}

/** A stable comparison of positions in a lane, which `aim` chooses by its first element and step. */
function comparatorOf(
  call: OperatorCall,
  input: GraphTensor,
  isLargest: boolean,
): { compare: (a: number, b: number) => number; aim: (first: number, step: number) => void } {
  const values: ArrayLike<number | bigint> = isWide(input) ? (input.data as ArrayLike<bigint>) : numbersOf(call, input)
  const sign = isLargest ? -1 : 1
  let [first, step] = [0, 1]
  return {
    aim: (start, stride) => {
      first = start
      step = stride
    },
    compare: (a, b) => {
      const [x, y] = [values[first + a * step]!, values[first + b * step]!]
      if (x < y) return -sign
      if (x > y) return sign
      // NaN counts as greatest.
      const nans = Number(Number.isNaN(x)) - Number(Number.isNaN(y))
      return nans === 0 ? a - b : sign * nans
    },
  }
}

/** The best few along an axis. */
export const topKs: readonly Operator[] = [topK]
