import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { checkedCount, numbersOf, showShape, tensorFromNumbers } from '../support/index.ts'
import { type ConvolutionSizes, convolve } from './convolve.ts'
import { checkList, readWindows, type Windows } from './windows.ts'

/** Windows and sizes of a convolution. */
export interface ConvolutionPlan {
  readonly windows: Windows
  readonly sizes: ConvolutionSizes
  readonly shape: readonly number[]
}

/** Checks the shapes of a convolution's operands. @throws HenceError `SHAPE_MISMATCH`, `GRAPH_INVALID` */
export function planConvolution(call: OperatorCall, x: readonly number[], w: readonly number[]): ConvolutionPlan {
  checkShape(x.length >= 2 && w.length === x.length, call, `operands ${showShape(x)} and ${showShape(w)} differ in rank`, { x, w })
  const group = call.attributes.int('group', 1)
  checkList(call, 'group', [group], 1, 1)
  const [batch, inputChannels] = [x[0]!, x[1]!]
  const outputChannels = w[0]!
  const fits = w[1]! * group === inputChannels && outputChannels % group === 0
  checkShape(fits, call, `weights ${showShape(w)} in ${group} groups do not fit ${inputChannels} channels`, { x, w, group })
  const kernel = w.slice(2)
  const declared = call.attributes.ints('kernel_shape', kernel)
  checkShape(declared.join() === kernel.join(), call, `kernel_shape ${showShape(declared)} differs from the weights' ${showShape(kernel)}`)
  const windows = readWindows(call, x.slice(2), kernel)
  const shape = [batch, outputChannels, ...windows.output]
  checkedCount(call, shape)
  return { windows, sizes: { batch, group, inputChannels, outputChannels }, shape }
}

/** Adds one number per channel to a dense `batch × channels × …`. @throws HenceError `SHAPE_MISMATCH` */
export function addChannelBias(call: OperatorCall, y: Float64Array, shape: readonly number[], bias: GraphTensor | undefined): void {
  if (!bias) return
  const channels = shape[1]!
  const values = numbersOf(call, bias)
  checkShape(values.length === channels, call, `bias ${showShape(bias.shape)} does not fit ${channels} channels`)
  const plane = shape.slice(2).reduce((a, b) => a * b, 1)
  for (let index = 0, channel = 0; index < y.length; channel = (channel + 1) % channels)
    for (let end = index + plane; index < end; index++) y[index]! += values[channel]!
}

/** x * w + b in doubles, with its shape. */
export function computeConvolution(
  call: OperatorCall,
  x: GraphTensor,
  w: GraphTensor,
  bias: GraphTensor | undefined,
): { y: Float64Array<ArrayBuffer>; shape: readonly number[] } {
  const { windows, sizes, shape } = planConvolution(call, x.shape, w.shape)
  const y = convolve(call, numbersOf(call, x), numbersOf(call, w), windows, sizes)
  addChannelBias(call, y, shape, bias)
  return { y, shape }
}

/** Convolutions of any number of spatial axes. */
const conv: Operator = {
  domain: '',
  name: 'Conv',
  run(call) {
    const x = tensorInput(call, 0)
    const { y, shape } = computeConvolution(call, x, tensorInput(call, 1), optionalTensor(call, 2))
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

export const convOperators: readonly Operator[] = [conv]
