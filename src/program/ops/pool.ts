import type { Dim } from '../dims.ts'
import { check, f32, type Op } from '../op.ts'
import { imageOperand, type WindowAttributes, windowOf, windowPositions } from './window.ts'

export interface PoolAttributes extends WindowAttributes {
  /** `max` is NaN where a pixel of the window is. `average` divides by the pixels of the window that `counts` names. */
  readonly kind: 'max' | 'average'
  /** Taps along height and width. */
  readonly kernel: readonly [number, number]
  /**
   * What an average divides by: pixels of the `image` (default), or of the image and its `pads`. Pixels further out, which
   * only a rounded-up output size reaches, never count.
   */
  readonly counts?: 'image' | 'pads'
  /** Rounds the output size up: a window may reach beyond the pads, but must begin inside the image or the pads before it. */
  readonly roundUp?: boolean
}

/**
 * Largest or average number of a window, channel by channel. x `[B, H, W, C]` → `[B, OH, OW, C]` with the size of a
 * convolution, or rounded up. Every window meets at least one pixel of the image.
 */
export const pool: Op<PoolAttributes> = {
  name: 'pool',
  operands: ['x'],
  infer([x], attributes) {
    const { kind, counts = 'image' } = attributes
    check(kind === 'max' || kind === 'average', 'pool', `unknown kind ${kind}`)
    check(counts === 'image' || counts === 'pads', 'pool', `unknown counts ${counts}`)
    const [batch, height, width, channels] = imageOperand('pool', 'x', x)
    return [{ dtype: 'f32', shape: [batch, positions(attributes, 0, height), positions(attributes, 1, width), channels] }]
  },
  run({ inputs: [input], outputs: [output], attributes }) {
    const [x, y] = [f32(input), f32(output)]
    const [, height, width, channels] = input!.shape as [number, number, number, number]
    const [, outHeight, outWidth] = output!.shape as [number, number, number, number]
    const { kernel, strides, pads, dilations } = windowOf('pool', attributes.kernel, attributes)
    const isMax = attributes.kind === 'max'
    const isPadCounted = attributes.counts === 'pads'
    for (let at = 0; at < y.length; at++) {
      const channel = at % channels
      const pixel = (at - channel) / channels
      const left = (pixel % outWidth) * strides[1] - pads[1]
      const row = Math.floor(pixel / outWidth)
      const top = (row % outHeight) * strides[0] - pads[0]
      const image = Math.floor(row / outHeight) * height
      let largest = -Infinity
      let sum = 0
      let count = 0
      for (let i = 0; i < kernel[0]; i++)
        for (let j = 0; j < kernel[1]; j++) {
          const v = top + i * dilations[0]
          const u = left + j * dilations[1]
          const isInside = v >= 0 && v < height && u >= 0 && u < width
          if (isInside || (isPadCounted && v < height + pads[2] && u < width + pads[3])) count++
          if (!isInside) continue
          const value = x[((image + v) * width + u) * channels + channel]!
          largest = Math.max(largest, value)
          sum += value
        }
      y[at] = isMax ? largest : sum / count
    }
  },
}

function positions(attributes: PoolAttributes, axis: 0 | 1, size: Dim): Dim {
  const window = windowOf('pool', attributes.kernel, attributes)
  const floor = windowPositions('pool', window, axis, size)
  if (typeof floor !== 'number' || typeof size !== 'number') return floor
  const { kernel, strides, pads, dilations } = window
  const before = pads[axis]!
  // The first and the last window must meet the image, whatever the dilation.
  const reach = dilations[axis]! * (kernel[axis]! - 1)
  const isRoundedUp =
    attributes.roundUp === true &&
    floor * strides[axis]! < size + before &&
    (floor - 1) * strides[axis]! + reach + 1 < size + before + pads[axis + 2]!
  const count = isRoundedUp ? floor + 1 : floor
  for (const position of [0, count - 1])
    check(
      meets(position * strides[axis]! - before, dilations[axis]!, kernel[axis]!, size),
      'pool',
      `window ${position} of axis ${axis} meets only padding`,
    )
  return count
}

/** True when one of `taps` taps from `first` on, `dilation` apart, lies in 0..size. */
function meets(first: number, dilation: number, taps: number, size: number): boolean {
  const skipped = Math.max(0, Math.ceil(-first / dilation))
  return skipped < taps && first + skipped * dilation < size
}
