import { elementCount, HenceError } from '../../../core/index.ts'
import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import {
  bigintOf,
  checkedCount,
  checkSameType,
  indexTensor,
  isWide,
  numbersOf,
  tensorFromNumbers,
  wideTensor,
  workNumbers,
} from '../support/index.ts'

const shape: Operator = {
  domain: '',
  name: 'Shape',
  run: call => {
    const sizes = tensorInput(call, 0).shape
    const part = sizes.slice(call.attributes.int('start', 0), call.attributes.int('end', sizes.length))
    return [indexTensor(call, [part.length], part)]
  },
}

const size: Operator = { domain: '', name: 'Size', run: call => [indexTensor(call, [], [elementCount(tensorInput(call, 0).shape)])] }

/** start, start + delta, ... up to but without limit. */
const range: Operator = {
  domain: '',
  name: 'Range',
  run: call => {
    const bounds = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)] as const
    checkSameType(call, ...bounds)
    for (const bound of bounds)
      checkShape(elementCount(bound.shape) === 1, call, 'start, limit and delta must be one value each', { shape: bound.shape })
    const [first, limit, delta] = bounds.map(bound => numbersOf(call, bound)[0]!) as [number, number, number]
    if (delta === 0 || !Number.isFinite(first + limit + delta))
      throw new HenceError('GRAPH_INVALID', `${call.node}: no range from ${first} to ${limit} by ${delta}`, {
        node: call.node,
        first,
        limit,
        delta,
      })
    const count = Math.max(Math.ceil((limit - first) / delta), 0)
    checkedCount(call, [count])
    const start = bounds[0]
    if (isWide(start)) {
      const output = wideTensor(call, start.dtype, [count])
      const step = isWide(bounds[2]) ? bounds[2].data[0]! : bigintOf(delta)
      for (let index = 0; index < count; index++) output.data[index] = start.data[0]! + BigInt(index) * step
      return [output]
    }
    const values = workNumbers(call, count)
    for (let index = 0; index < count; index++) values[index] = first + index * delta
    return [tensorFromNumbers(call, start.dtype, [count], values)]
  },
}

/** Sizes and sequences of numbers. */
export const shapes: readonly Operator[] = [shape, size, range]
