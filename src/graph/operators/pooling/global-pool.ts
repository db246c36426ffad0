import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** One number per plane of `batch × channels × …`. */
function reducePlanes(
  call: OperatorCall,
  x: GraphTensor,
  reduce: (values: Float64Array, from: number, end: number) => number,
): GraphTensor {
  checkShape(x.shape.length >= 2, call, `input must have batch and channels, has the shape ${showShape(x.shape)}`)
  const planes = x.shape[0]! * x.shape[1]!
  const size = x.shape.slice(2).reduce((a, b) => a * b, 1)
  const values = numbersOf(call, x)
  const y = workNumbers(call, planes)
  for (let plane = 0; plane < planes; plane++) y[plane] = reduce(values, plane * size, (plane + 1) * size)
  return tensorFromNumbers(call, x.dtype, [x.shape[0]!, x.shape[1]!, ...x.shape.slice(2).map(() => 1)], y)
}

/** The mean of a range. */
export function meanOf(values: Float64Array, from: number, end: number): number {
  let sum = 0
  for (let index = from; index < end; index++) sum += values[index]!
  return sum / (end - from)
}

const globalAveragePool: Operator = {
  domain: '',
  name: 'GlobalAveragePool',
  run: call => [reducePlanes(call, tensorInput(call, 0), meanOf)],
}

const globalMaxPool: Operator = {
  domain: '',
  name: 'GlobalMaxPool',
  run: call => [
    reducePlanes(call, tensorInput(call, 0), (values, from, end) => {
      let best = Number.NEGATIVE_INFINITY
      for (let index = from; index < end; index++) {
        const value = values[index]!
        if (value > best || Number.isNaN(value)) best = value
      }
      return best
    }),
  ],
}

const globalLpPool: Operator = {
  domain: '',
  name: 'GlobalLpPool',
  run(call) {
    const p = call.attributes.int('p', 2)
    const norm = (values: Float64Array, from: number, end: number): number => {
      let sum = 0
      for (let index = from; index < end; index++) sum += Math.abs(values[index]!) ** p
      return sum ** (1 / p)
    }
    return [reducePlanes(call, tensorInput(call, 0), norm)]
  },
}

export const globalPoolOperators: readonly Operator[] = [globalAveragePool, globalMaxPool, globalLpPool]
