import type { OperatorCall } from '../../operator.ts'
import { denseMatrix, multiplyAdd } from '../linear/index.ts'
import { stridesOf, workNumbers } from '../support/index.ts'
import type { Windows } from './windows.ts'

/** Sizes of a convolution beside those of its windows. */
export interface ConvolutionSizes {
  readonly batch: number
  readonly group: number
  readonly inputChannels: number
  readonly outputChannels: number
}

/** Entries of the gathered operand of one product, 8 bytes each. */
const GATHER_ENTRIES = 2 ** 19

/**
 * A convolution in doubles: x of `batch × inputChannels × windows.input`, w of `outputChannels × inputChannels/group × kernel`.
 *
 * The elements under each tap are gathered for a run of output positions, and one matrix product per group takes the sums.
 *
 * @returns a dense `batch × outputChannels × windows.output`
 */
export function convolve(
  call: OperatorCall,
  x: Float64Array,
  w: Float64Array,
  windows: Windows,
  { batch, group, inputChannels, outputChannels }: ConvolutionSizes,
): Float64Array<ArrayBuffer> {
  const inputSize = windows.input.reduce((a, b) => a * b, 1)
  const outputSize = windows.output.reduce((a, b) => a * b, 1)
  const taps = windows.kernel.reduce((a, b) => a * b, 1)
  const [channels, filters] = [inputChannels / group, outputChannels / group]
  const depth = channels * taps
  const y = workNumbers(call, batch * outputChannels * outputSize)
  if (y.length === 0) return y
  const run = Math.max(1, Math.min(outputSize, Math.floor(GATHER_ENTRIES / depth)))
  const isPointwise =
    taps === 1 &&
    run === outputSize &&
    windows.input.every((size, axis) => size === windows.output[axis]) &&
    windows.padsBegin.every(pad => pad === 0) &&
    windows.strides.every(stride => stride === 1)
  const gathered = isPointwise ? undefined : workNumbers(call, depth * run)
  const sources = new Int32Array(isPointwise ? 0 : taps * run)
  for (let first = 0; first < outputSize; first += run) {
    const count = Math.min(run, outputSize - first)
    if (gathered) tabulateSources(sources, windows, first, count)
    for (let image = 0; image < batch; image++)
      for (let g = 0; g < group; g++) {
        const base = (image * inputChannels + g * channels) * inputSize
        if (gathered) gather(gathered, x, base, sources, channels, inputSize, taps * count)
        const right = gathered ? denseMatrix(gathered, count) : denseMatrix(x, inputSize, base)
        const target = denseMatrix(y, outputSize, (image * outputChannels + g * filters) * outputSize + first)
        multiplyAdd(target, denseMatrix(w, depth, g * filters * depth), right, filters, depth, count)
      }
  }
  return y
}

/** For each tap and each of `count` output positions from `first`, the flat spatial index it reads; -1 in the padding. */
function tabulateSources(sources: Int32Array, windows: Windows, first: number, count: number): void {
  const { input, kernel, strides, dilations, padsBegin, output } = windows
  const rank = input.length
  const inputStrides = stridesOf(input)
  const tap = new Array<number>(rank).fill(0)
  const start = stridesOf(output).map((stride, axis) => Math.floor(first / stride) % output[axis]!)
  for (let write = 0, taps = kernel.reduce((a, b) => a * b, 1); taps > 0; taps--) {
    const position = [...start]
    for (let index = 0; index < count; index++) {
      let source = 0
      for (let axis = 0; axis < rank; axis++) {
        const at = position[axis]! * strides[axis]! - padsBegin[axis]! + tap[axis]! * dilations[axis]!
        if (at < 0 || at >= input[axis]!) {
          source = -1
          break
        }
        source += at * inputStrides[axis]!
      }
      sources[write++] = source
      advance(position, output)
    }
    advance(tap, kernel)
  }
}

/** Steps a position to the next in row-major order. */
export function advance(position: number[], sizes: readonly number[]): void {
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    if (++position[axis]! < sizes[axis]!) return
    position[axis] = 0
  }
}

function gather(
  target: Float64Array,
  x: Float64Array,
  base: number,
  sources: Int32Array,
  channels: number,
  inputSize: number,
  count: number,
): void {
  let write = 0
  for (let channel = 0; channel < channels; channel++) {
    const plane = base + channel * inputSize
    for (let index = 0; index < count; index++) {
      const source = sources[index]!
      target[write++] = source < 0 ? 0 : x[plane + source]!
    }
  }
}
