import { checkShape, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { denseMatrix, multiplyAdd, transposed } from '../linear/index.ts'
import { checkedCount, numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'
import { addChannelBias } from './conv.ts'
import { tapTargets } from './scatter-windows.ts'
import { autoPadAttribute, checkList, padsAttribute, spatialAttribute, splitPadding, type Windows } from './windows.ts'

/**
 * The windows of the convolution whose transpose this is: `input` is what the transposed convolution writes, `output` what
 * it reads.
 */
export function readTransposedWindows(call: OperatorCall, input: readonly number[], kernel: readonly number[]): Windows {
  const rank = input.length
  const strides = spatialAttribute(call, 'strides', rank)
  const dilations = spatialAttribute(call, 'dilations', rank)
  const extra = call.attributes.ints('output_padding', new Array<number>(rank).fill(0))
  checkList(call, 'output_padding', extra, rank, 0)
  const autoPad = autoPadAttribute(call)
  const full = input.map((size, axis) => strides[axis]! * (size - 1) + extra[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1)
  let wanted: readonly number[] | undefined
  if (call.attributes.has('output_shape')) {
    // Some exporters list batch and channels too.
    wanted = call.attributes.ints('output_shape').slice(-rank)
    checkList(call, 'output_shape', wanted, rank, 1)
  } else if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') wanted = input.map((size, axis) => size * strides[axis]!)
  if (wanted) {
    // With output_shape alone the longer side is the beginning, whatever NOTSET means elsewhere.
    const side = autoPad === 'SAME_UPPER' ? 'SAME_UPPER' : 'SAME_LOWER'
    const pads = wanted.map((size, axis) => splitPadding(Math.max(0, full[axis]! - size), side))
    return { input: wanted, kernel, strides, dilations, padsBegin: pads.map(p => p[0]), padsEnd: pads.map(p => p[1]), output: input }
  }
  const zeros = new Array<number>(rank).fill(0)
  const { padsBegin, padsEnd } = autoPad === 'NOTSET' ? padsAttribute(call, rank) : { padsBegin: zeros, padsEnd: zeros }
  const sizes = full.map((size, axis) => size - padsBegin[axis]! - padsEnd[axis]!)
  checkShape(
    sizes.every(size => size > 0),
    call,
    `pads leave nothing of the output ${showShape(full)}`,
    { full, padsBegin, padsEnd },
  )
  return { input: sizes, kernel, strides, dilations, padsBegin, padsEnd, output: input }
}

/** Transposed convolutions of any number of spatial axes. */
const convTranspose: Operator = {
  domain: '',
  name: 'ConvTranspose',
  run(call) {
    const [x, w] = [tensorInput(call, 0), tensorInput(call, 1)]
    checkShape(x.shape.length >= 3 && w.shape.length === x.shape.length, call, `operands ${showShape(x.shape)} and ${showShape(w.shape)}`)
    const group = call.attributes.int('group', 1)
    checkList(call, 'group', [group], 1, 1)
    const [batch, channels] = [x.shape[0]!, x.shape[1]!]
    checkShape(w.shape[0] === channels && channels % group === 0, call, `weights ${showShape(w.shape)} do not fit ${channels} channels`)
    const kernel = w.shape.slice(2)
    const declared = call.attributes.ints('kernel_shape', kernel)
    checkShape(
      declared.join() === kernel.join(),
      call,
      `kernel_shape ${showShape(declared)} differs from the weights' ${showShape(kernel)}`,
    )
    const windows = readTransposedWindows(call, x.shape.slice(2), kernel)
    const filters = w.shape[1]!
    const shape = [batch, filters * group, ...windows.input]
    const y = workNumbers(call, checkedCount(call, shape))
    scatter(call, y, windows, {
      values: numbersOf(call, x),
      weights: numbersOf(call, w),
      batch,
      group,
      channels: channels / group,
      filters,
    })
    addChannelBias(call, y, shape, optionalTensor(call, 2))
    return [tensorFromNumbers(call, x.dtype, shape, y)]
  },
}

interface Operands {
  readonly values: Float64Array
  readonly weights: Float64Array
  readonly batch: number
  readonly group: number
  /** Per group. */
  readonly channels: number
  readonly filters: number
}

/** Per tap: the product of its weights with the input, added where the tap falls. */
function scatter(call: OperatorCall, y: Float64Array, windows: Windows, operands: Operands): void {
  const { values, weights, batch, group, channels, filters } = operands
  const taps = windows.kernel.reduce((a, b) => a * b, 1)
  const positions = windows.output.reduce((a, b) => a * b, 1)
  const plane = windows.input.reduce((a, b) => a * b, 1)
  const product = workNumbers(call, filters * positions)
  let tap = 0
  for (const targets of tapTargets(windows)) {
    for (let image = 0; image < batch; image++)
      for (let g = 0; g < group; g++) {
        product.fill(0)
        const first = (image * group + g) * channels
        const filter = { data: weights, offset: g * channels * filters * taps + tap, rowStride: filters * taps, columnStride: taps }
        multiplyAdd(
          denseMatrix(product, positions),
          transposed(filter),
          denseMatrix(values, positions, first * positions),
          filters,
          channels,
          positions,
        )
        for (let f = 0, read = 0; f < filters; f++) {
          const base = ((image * group + g) * filters + f) * plane
          for (let index = 0; index < positions; index++, read++) if (targets[index]! >= 0) y[base + targets[index]!]! += product[read]!
        }
      }
    tap++
  }
}

export const convTransposeOperators: readonly Operator[] = [convTranspose]
