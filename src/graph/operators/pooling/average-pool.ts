import { type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import type { Windows } from '../convolution/index.ts'
import { numbersOf, stridesOf, tensorFromNumbers, workNumbers } from '../support/index.ts'
import { planPool } from './pool.ts'
import { windowRuns } from './window-runs.ts'

/** Means of the elements under each window in doubles, with the shape of the result. */
export function averagePool(call: OperatorCall, x: GraphTensor): { y: Float64Array<ArrayBuffer>; shape: readonly number[] } {
  const { windows, planes, inputSize, outputSize, shape } = planPool(call, x)
  const includePad = call.attributes.int('count_include_pad', 0) !== 0
  const values = numbersOf(call, x)
  const y = workNumbers(call, planes * outputSize)
  const padded = includePad ? windows.input.map((_, axis) => paddedTaps(windows, axis)) : undefined
  const steps = stridesOf(windows.output)
  for (const { first, count, starts, sources } of windowRuns(call, windows))
    for (let index = 0; index < count; index++) {
      const [from, end] = [starts[index]!, starts[index + 1]!]
      let divisor = end - from
      if (padded) {
        divisor = 1
        for (const [axis, taps] of padded.entries()) divisor *= taps[Math.floor((first + index) / steps[axis]!) % taps.length]!
      }
      for (let plane = 0; plane < planes; plane++) {
        let sum = 0
        for (let entry = from; entry < end; entry++) sum += values[plane * inputSize + sources[entry]!]!
        y[plane * outputSize + first + index] = divisor === 0 ? 0 : sum / divisor
      }
    }
  return { y, shape }
}

/** For each position along an axis, how many taps fall on the input or its declared padding. */
function paddedTaps(windows: Windows, axis: number): Float64Array {
  const [stride, dilation, pad] = [windows.strides[axis]!, windows.dilations[axis]!, windows.padsBegin[axis]!]
  const end = windows.input[axis]! + windows.padsEnd[axis]!
  return Float64Array.from({ length: windows.output[axis]! }, (_, position) =>
    Math.min(windows.kernel[axis]!, Math.ceil((end - (position * stride - pad)) / dilation)),
  )
}

const averagePoolOperator: Operator = {
  domain: '',
  name: 'AveragePool',
  run(call) {
    const x = tensorInput(call, 0)
    const { y, shape } = averagePool(call, x)
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

/** The p-norm of the elements under each window. */
const lpPool: Operator = {
  domain: '',
  name: 'LpPool',
  run(call) {
    const x = tensorInput(call, 0)
    const { windows, planes, inputSize, outputSize, shape } = planPool(call, x)
    const p = call.attributes.int('p', 2)
    const values = numbersOf(call, x)
    for (let index = 0; index < values.length; index++) values[index] = Math.abs(values[index]!) ** p
    const y = workNumbers(call, planes * outputSize)
    for (const { first, count, starts, sources } of windowRuns(call, windows))
      for (let plane = 0; plane < planes; plane++)
        for (let index = 0; index < count; index++) {
          let sum = 0
          for (let entry = starts[index]!, end = starts[index + 1]!; entry < end; entry++)
            sum += values[plane * inputSize + sources[entry]!]!
          y[plane * outputSize + first + index] = sum ** (1 / p)
        }
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

export const averagePoolOperators: readonly Operator[] = [averagePoolOperator, lpPool]
