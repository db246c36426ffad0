import type { Operator } from '../../operator.ts'
import { tensorInput } from '../../operator.ts'
import { integerBits, integerRange, numbersOf, outputTensor, tensorFromNumbers, workNumbers } from '../support/index.ts'
import { planPool } from './pool.ts'
import { windowRuns } from './window-runs.ts'

/** The greatest element under each window and, if asked for, where it is in the whole input. */
const maxPool: Operator = {
  domain: '',
  name: 'MaxPool',
  run(call) {
    const x = tensorInput(call, 0)
    const { windows, planes, inputSize, outputSize, shape } = planPool(call, x)
    const columnMajor = call.attributes.int('storage_order', 0) === 1
    const values = numbersOf(call, x)
    const y = workNumbers(call, planes * outputSize)
    const indices = call.outputCount > 1 ? outputTensor(call, 'i64', shape) : undefined
    const least = integerBits(x.dtype) > 0 ? integerRange(x.dtype)[0] : Number.NEGATIVE_INFINITY
    for (const { first, count, starts, sources } of windowRuns(call, windows))
      for (let plane = 0; plane < planes; plane++) {
        const base = plane * inputSize
        for (let index = 0; index < count; index++) {
          let best = least
          let at = -1
          for (let entry = starts[index]!, end = starts[index + 1]!; entry < end; entry++) {
            const value = values[base + sources[entry]!]!
            // A NaN wins over everything, as in other maxima.
            if (value > best || at < 0 || Number.isNaN(value)) {
              best = value
              at = sources[entry]!
            }
          }
          const write = plane * outputSize + first + index
          y[write] = best
          if (indices)
            indices.data[write] = BigInt(base + (columnMajor ? columnMajorIndex(Math.max(0, at), windows.input) : Math.max(0, at)))
        }
      }
    return [tensorFromNumbers(call, x.dtype, shape, y), indices]
  },
}

/** The position of a row-major index when the first axis runs fastest. */
function columnMajorIndex(index: number, sizes: readonly number[]): number {
  let result = 0
  let rest = index
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    const size = sizes[axis]!
    let stride = 1
    for (let before = 0; before < axis; before++) stride *= sizes[before]!
    result += (rest % size) * stride
    rest = Math.floor(rest / size)
  }
  return result
}

export const maxPoolOperators: readonly Operator[] = [maxPool]
