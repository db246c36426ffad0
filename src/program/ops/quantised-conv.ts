import { f32, type Op } from '../op.ts'
import { type OutputAttributes, outputOf } from './activations.ts'
import { bytesOperand, checkGrid, checkWeightType, gridOf, QUANTISED_OPERANDS, type QuantisedAttributes } from './quantised.ts'
import { convolvedShape, type WindowAttributes, windowOf } from './window.ts'

export interface QuantisedConvAttributes extends WindowAttributes, OutputAttributes, QuantisedAttributes {
  /** Channels and filters are cut into this many groups that do not meet; 1 by default. */
  readonly groups?: number
}

/**
 * Convolution over images of 8-bit numbers whose sums are exact:
 * `y = residual + activation(x_scale · weight_scale[n] · ((x − x_zero) ∗ (weight[n] − weight_zero[n])) + bias[n])`, the
 * residual inside the activation where the attribute says so.
 *
 * Operands: x `[B, H, W, C]` u8 or i8, x_scale `[1]`, x_zero `[1]` or none (0), weight `[N, kernel height, kernel width, C /
 * groups]` of whole numbers in the range of `weightType`, weight_scale `[1]` or `[N]`, weight_zero `[1]` or `[N]` or none
 * (0), bias `[N]` or none, residual `[B, OH, OW, N]` or none. Scales and zero points are f32, zero points whole numbers in
 * the range of what they belong to. Output: `[B, OH, OW, N]` f32. Pixels beyond the image are x_zero, so that they add
 * nothing. All else is as in op `conv`.
 */
export const quantisedConv: Op<QuantisedConvAttributes> = {
  name: 'quantised_conv',
  operands: QUANTISED_OPERANDS,
  infer([x, xScale, xZero, weight, weightScale, weightZero, bias, residual], attributes) {
    const op = 'quantised_conv'
    outputOf(op, attributes)
    checkWeightType(op, attributes)
    const shape = convolvedShape(op, bytesOperand(op, x, 4), { weight, bias, residual }, attributes)
    const n = shape[3]
    checkGrid(op, 'x_scale', xScale, 1)
    if (xZero) checkGrid(op, 'x_zero', xZero, 1)
    checkGrid(op, 'weight_scale', weightScale, n)
    if (weightZero) checkGrid(op, 'weight_zero', weightZero, n)
    return [{ dtype: 'f32', shape }]
  },
  run({ inputs: [input, xScale, xZero, filter, weightScale, weightZero, shift, addend], outputs: [output], attributes }) {
    const finish = outputOf('quantised_conv', attributes)
    const x = input!.data as Uint8Array | Int8Array
    const [weight, y] = [f32(filter), f32(output)]
    const bias = shift && f32(shift)
    const residual = addend && f32(addend)
    const [scale, zero] = [gridOf(xScale)(0), gridOf(xZero)(0)]
    const [scaleOfFilter, zeroOfFilter] = [gridOf(weightScale), gridOf(weightZero)]
    const [, height, width, channels] = input!.shape as [number, number, number, number]
    const [n, kernelHeight, kernelWidth, depth] = filter!.shape as [number, number, number, number]
    const [, outHeight, outWidth] = output!.shape as [number, number, number, number]
    const { strides, pads, dilations } = windowOf('quantised_conv', [kernelHeight, kernelWidth], attributes)
    const groupFilters = n / (attributes.groups ?? 1)
    for (let at = 0; at < y.length; at++) {
      const filterIndex = at % n
      const pixel = (at - filterIndex) / n
      const left = (pixel % outWidth) * strides[1] - pads[1]
      const row = Math.floor(pixel / outWidth)
      const top = (row % outHeight) * strides[0] - pads[0]
      const image = Math.floor(row / outHeight) * height
      const firstChannel = Math.floor(filterIndex / groupFilters) * depth
      const filterZero = zeroOfFilter(filterIndex)
      let sum = 0
      for (let i = 0; i < kernelHeight; i++) {
        const v = top + i * dilations[0]
        if (v < 0 || v >= height) continue
        for (let j = 0; j < kernelWidth; j++) {
          const u = left + j * dilations[1]
          if (u < 0 || u >= width) continue
          const a = ((image + v) * width + u) * channels + firstChannel
          const b = ((filterIndex * kernelHeight + i) * kernelWidth + j) * depth
          for (let c = 0; c < depth; c++) sum += (x[a + c]! - zero) * (weight[b + c]! - filterZero)
        }
      }
      y[at] = finish(scale * scaleOfFilter(filterIndex) * sum + (bias ? bias[filterIndex]! : 0), residual ? residual[at]! : 0)
    }
  },
}
