import { check, f32, type Op } from '../op.ts'
import { type OutputAttributes, outputOf } from './activations.ts'
import { convolvedShape, imageOperand, type WindowAttributes, windowOf } from './window.ts'

export interface ConvAttributes extends WindowAttributes, OutputAttributes {
  /** Channels and filters are cut into this many groups that do not meet; 1 by default. */
  readonly groups?: number
  /**
   * How to compute it where a backend has a choice, for tests and measurements; a backend without the algorithm, or one that
   * it does not suit, ignores it. By default the backend decides.
   */
  readonly algorithm?: 'direct' | 'winograd'
}

/**
 * Convolution over images: `y = residual + activation(x ∗ weight + bias)`, the residual inside the activation where the
 * attribute says so.
 *
 * Operands: x `[B, H, W, C]`, weight `[N, kernel height, kernel width, C / groups]`, bias `[N]` or none, residual
 * `[B, OH, OW, N]` or none. Output: `[B, OH, OW, N]` with OH = ⌊(H + pads − dilation · (kernel − 1) − 1) / stride⌋ + 1.
 * Pixels beyond the image are 0. Filter n belongs to group ⌊n · groups / N⌋. One-dimensional signals have height 1.
 */
export const conv: Op<ConvAttributes> = {
  name: 'conv',
  operands: ['x', 'weight', 'bias?', 'residual?'],
  infer([x, weight, bias, residual], attributes) {
    outputOf('conv', attributes)
    const { algorithm = 'direct' } = attributes
    check(algorithm === 'direct' || algorithm === 'winograd', 'conv', `unknown algorithm ${algorithm}`)
    const shape = convolvedShape('conv', imageOperand('conv', 'x', x), { weight, bias, residual }, attributes)
    return [{ dtype: 'f32', shape }]
  },
  run({ inputs: [input, filter, shift, addend], outputs: [output], attributes }) {
    const [x, weight, y] = [f32(input), f32(filter), f32(output)]
    const bias = shift && f32(shift)
    const residual = addend && f32(addend)
    const finish = outputOf('conv', attributes)
    const [, height, width, channels] = input!.shape as [number, number, number, number]
    const [n, kernelHeight, kernelWidth, depth] = filter!.shape as [number, number, number, number]
    const [, outHeight, outWidth] = output!.shape as [number, number, number, number]
    const { strides, pads, dilations } = windowOf('conv', [kernelHeight, kernelWidth], attributes)
    const groupFilters = n / (attributes.groups ?? 1)
    for (let at = 0; at < y.length; at++) {
      const filterIndex = at % n
      const pixel = (at - filterIndex) / n
      const left = (pixel % outWidth) * strides[1] - pads[1]
      const row = Math.floor(pixel / outWidth)
      const top = (row % outHeight) * strides[0] - pads[0]
      const image = Math.floor(row / outHeight) * height
      const firstChannel = Math.floor(filterIndex / groupFilters) * depth
      let sum = bias ? bias[filterIndex]! : 0
      for (let i = 0; i < kernelHeight; i++) {
        const v = top + i * dilations[0]
        if (v < 0 || v >= height) continue
        for (let j = 0; j < kernelWidth; j++) {
          const u = left + j * dilations[1]
          if (u < 0 || u >= width) continue
          const a = ((image + v) * width + u) * channels + firstChannel
          const b = ((filterIndex * kernelHeight + i) * kernelWidth + j) * depth
          for (let c = 0; c < depth; c++) sum += x[a + c]! * weight[b + c]!
        }
      }
      y[at] = finish(sum, residual ? residual[at]! : 0)
    }
  },
}
