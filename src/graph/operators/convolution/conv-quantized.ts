import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { quantizedTensor } from '../linear/index.ts'
import { numbersOf, scalarOf, showShape, tensorFromNumbers } from '../support/index.ts'
import { addChannelBias, planConvolution } from './conv.ts'
import { convolve } from './convolve.ts'

/** x * w less their zero points, exact, with its shape. Padding is what x's zero point stands for. */
function convolveQuantized(
  call: OperatorCall,
  [x, xZero]: readonly [GraphTensor, GraphTensor | undefined],
  [w, wZero]: readonly [GraphTensor, GraphTensor | undefined],
): { y: Float64Array<ArrayBuffer>; shape: readonly number[] } {
  const { windows, sizes, shape } = planConvolution(call, x.shape, w.shape)
  const values = numbersOf(call, x)
  const zero = scalarOf(call, xZero, 'x_zero_point', 0)
  if (zero !== 0) for (let index = 0; index < values.length; index++) values[index]! -= zero
  const weights = numbersOf(call, w)
  if (wZero) {
    const zeros = perFilter(call, wZero, 'w_zero_point', w.shape[0]!)
    const size = weights.length / w.shape[0]!
    for (let index = 0; index < weights.length; index++) weights[index]! -= zeros[Math.floor(index / size)]!
  }
  return { y: convolve(call, values, weights, windows, sizes), shape }
}

/** One number per output channel from one number or one per channel. */
function perFilter(call: OperatorCall, parameter: GraphTensor, what: string, filters: number): Float64Array {
  const values = numbersOf(call, parameter)
  checkShape(
    values.length === 1 || values.length === filters,
    call,
    `${what} ${showShape(parameter.shape)} does not fit ${filters} filters`,
  )
  return values.length === filters ? values : new Float64Array(filters).fill(values[0]!)
}

const convInteger: Operator = {
  domain: '',
  name: 'ConvInteger',
  run(call) {
    const { y, shape } = convolveQuantized(
      call,
      [tensorInput(call, 0), optionalTensor(call, 2)],
      [tensorInput(call, 1), optionalTensor(call, 3)],
    )
    return [tensorFromNumbers(call, 'i32', shape, y)]
  },
}

const qLinearConv: Operator = {
  domain: '',
  name: 'QLinearConv',
  run(call) {
    const w = tensorInput(call, 3)
    const { y, shape } = convolveQuantized(call, [tensorInput(call, 0), tensorInput(call, 2)], [w, tensorInput(call, 5)])
    addChannelBias(call, y, shape, optionalTensor(call, 8))
    const channels = shape[1]!
    const yZero = tensorInput(call, 7)
    const xScale = scalarOf(call, tensorInput(call, 1), 'x_scale', 0)
    const yScale = scalarOf(call, tensorInput(call, 6), 'y_scale', 0)
    // Rounded to f32 after each step, as ONNX Runtime does, so that ties fall the same way.
    const factors = perFilter(call, tensorInput(call, 4), 'w_scale', channels).map(scale =>
      Math.fround(Math.fround(xScale * scale) / yScale),
    )
    const plane = shape.slice(2).reduce((a, b) => a * b, 1)
    for (let index = 0; index < y.length; index++)
      y[index] = Math.fround(Math.fround(y[index]!) * factors[Math.floor(index / plane) % channels]!)
    return [quantizedTensor(call, yZero.dtype, shape, y, scalarOf(call, yZero, 'y_zero_point', 0))]
  },
}

export const quantizedConvOperators: readonly Operator[] = [convInteger, qLinearConv]
