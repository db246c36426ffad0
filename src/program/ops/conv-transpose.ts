import type { Dim } from '../dims.ts'
import { agree, check, f32, knownDim, type Op, operand } from '../op.ts'
import { type OutputAttributes, outputOf } from './activations.ts'
import { imageOperand, type WindowAttributes, windowOf } from './window.ts'

/** The attributes of the convolution this one is the transpose of: strides and pads belong to the output. */
export interface ConvTransposeAttributes extends WindowAttributes, Omit<OutputAttributes, 'residual'> {
  /** Channels and filters are cut into this many groups that do not meet; 1 by default. */
  readonly groups?: number
  /** Rows and columns added to the output at the bottom and the right; 0 by default. */
  readonly outputPads?: readonly [number, number]
}

/**
 * Transposed convolution over images: every pixel of x adds its product with the filters to the window it stands for,
 * `y[s·i + d·t − p] += x[i] · weight[t]`; bias and activation follow.
 *
 * Operands: x `[B, H, W, C]`, weight `[N, kernel height, kernel width, C / groups]`, bias `[N]` or none. Output:
 * `[B, OH, OW, N]` with OH = stride · (H − 1) + dilation · (kernel − 1) + 1 − pads + output pad. Filter n belongs to group
 * ⌊n · groups / N⌋. One-dimensional signals have height 1.
 */
export const convTranspose: Op<ConvTransposeAttributes> = {
  name: 'conv_transpose',
  operands: ['x', 'weight', 'bias?'],
  infer([x, weight, bias], attributes) {
    const op = 'conv_transpose'
    outputOf(op, attributes)
    const { groups = 1, outputPads = [0, 0] } = attributes
    const [batch, height, width, channels] = imageOperand(op, 'x', x)
    const [n, kernelHeight, kernelWidth, groupChannels] = operand(op, 'weight', weight, 'f32', 4).shape.map(dim =>
      knownDim(op, 'sizes of a weight', dim),
    ) as [number, number, number, number]
    const { kernel, strides, pads, dilations } = windowOf(op, [kernelHeight, kernelWidth], attributes)
    check(Number.isInteger(groups) && groups >= 1 && n % groups === 0, op, `${n} filters cannot form ${groups} groups`)
    agree(op, 'channels of x and weight', channels, groupChannels * groups)
    if (bias) agree(op, 'bias and weight', operand(op, 'bias', bias, 'f32', 1).shape[0]!, n)
    const sizeOf = (axis: 0 | 1, given: Dim): number => {
      const size = knownDim(op, 'the size of an image', given)
      const extra = outputPads[axis]
      check(Number.isInteger(extra) && extra >= 0, op, `output pads must not be negative, are [${outputPads}]`)
      const out = strides[axis] * (size - 1) + dilations[axis] * (kernel[axis] - 1) + 1 - pads[axis] - pads[axis + 2]! + extra
      check(out >= 1, op, `pads leave nothing of axis ${axis}`)
      return out
    }
    return [{ dtype: 'f32', shape: [batch, sizeOf(0, height), sizeOf(1, width), n] }]
  },
  run({ inputs: [input, filter, shift], outputs: [output], attributes }) {
    const [x, weight, y] = [f32(input), f32(filter), f32(output)]
    const bias = shift && f32(shift)
    const finish = outputOf('conv_transpose', attributes)
    const [batch, height, width, channels] = input!.shape as [number, number, number, number]
    const [n, kernelHeight, kernelWidth, depth] = filter!.shape as [number, number, number, number]
    const [, outHeight, outWidth] = output!.shape as [number, number, number, number]
    const { strides, pads, dilations } = windowOf('conv_transpose', [kernelHeight, kernelWidth], attributes)
    const groupFilters = n / (attributes.groups ?? 1)
    const sums = new Float64Array(y.length)
    for (let pixel = 0; pixel < batch * height * width; pixel++) {
      const row = Math.floor(pixel / width)
      const image = Math.floor(row / height)
      for (let i = 0; i < kernelHeight; i++) {
        const v = (row % height) * strides[0] - pads[0] + i * dilations[0]
        if (v < 0 || v >= outHeight) continue
        for (let j = 0; j < kernelWidth; j++) {
          const u = (pixel % width) * strides[1] - pads[1] + j * dilations[1]
          if (u < 0 || u >= outWidth) continue
          const to = ((image * outHeight + v) * outWidth + u) * n
          for (let f = 0; f < n; f++) {
            const a = pixel * channels + Math.floor(f / groupFilters) * depth
            const b = ((f * kernelHeight + i) * kernelWidth + j) * depth
            let sum = 0
            for (let c = 0; c < depth; c++) sum += x[a + c]! * weight[b + c]!
            sums[to + f]! += sum
          }
        }
      }
    }
    for (let at = 0; at < y.length; at++) y[at] = finish(sums[at]! + (bias ? bias[at % n]! : 0), 0)
  },
}
