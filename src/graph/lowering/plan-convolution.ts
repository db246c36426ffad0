import { elementCount } from '../../core/index.ts'
import type { Buffer } from '../../program/index.ts'
import type { LoweringContext } from './context.ts'
import { asImage, type Window, windowOf } from './window.ts'

/** A convolution of x with known filters (operands 0 and 1) as an instruction over images sees it. */
export interface ConvolutionPlan {
  readonly window: Window
  readonly groups: number
  /** Filters, and the channels that each of them reads. */
  readonly n: number
  readonly depth: number
  /** x as `[B, H, W, C]`. */
  readonly input: () => Buffer
  /** Operand 3 as an image of the result's shape. */
  readonly residual: () => Buffer | undefined
  /** Defines the result from an image: of x's type where that is a float, else f32. */
  readonly define: (y: Buffer) => true
}

/** Plans a convolution over one or two spatial axes; undefined for others and where sizes do not agree. Emits nothing. */
export function planConvolution(context: LoweringContext): ConvolutionPlan | undefined {
  const { segment, attributes } = context
  const [x, filter] = [context.type(0), context.known(1)]
  if (!x || !filter || x.shape.length !== filter.shape.length) return undefined
  if (elementCount(x.shape) === 0 || elementCount(filter.shape) === 0) return undefined
  const own = filter.shape.slice(2)
  const window = windowOf(context, x.shape.slice(2), own)
  if (!window || attributes.ints('kernel_shape', own).join() !== own.join()) return undefined
  const [batch, channels, height, width] = asImage(x.shape)
  const [n, depth] = filter.shape as [number, number]
  const groups = attributes.int('group', 1)
  const { kernel, strides, pads, dilations } = window
  const sizes = [height, width].map(
    (size, i) => Math.floor((size + pads[i]! + pads[i + 2]! - dilations[i]! * (kernel[i]! - 1) - 1) / strides[i]!) + 1,
  )
  const [outHeight, outWidth] = sizes as [number, number]
  if (depth * groups !== channels || n % groups !== 0 || outHeight < 1 || outWidth < 1) return undefined
  const isSignal = x.shape.length === 3
  const shape = isSignal ? [batch, n, outWidth] : [batch, n, outHeight, outWidth]
  // A residual that broadcasts is added apart from the convolution, and so is what comes after it.
  if (context.has(3) && (!context.isFloat(3) || context.type(3)?.shape.join() !== shape.join())) return undefined
  return {
    window,
    groups,
    n,
    depth,
    input: () => segment.builder.view(context.channelsLast(0), [batch, height, width, channels]),
    residual: () => (context.has(3) ? segment.builder.view(context.channelsLast(3), [batch, outHeight, outWidth, n]) : undefined),
    define: y =>
      context.define(
        isSignal ? segment.builder.view(y, [batch, outWidth, n]) : y,
        shape,
        'channels-last',
        0,
        context.isFloat(0) ? x.dtype : 'f32',
      ),
  }
}

/** Filters `[N, depth, pixels]` → `[N, pixels, depth]`. */
export function filtersLast<T extends Float32Array | Int8Array>(from: T, n: number, depth: number): T {
  const pixels = from.length / (n * depth)
  if (pixels === 1) return from
  const data = new (from.constructor as new (length: number) => T)(from.length)
  const size = depth * pixels
  for (let start = 0; start < from.length; start += size)
    for (let p = 0; p < pixels; p++) for (let d = 0; d < depth; d++) data[start + p * depth + d] = from[start + d * pixels + p]!
  return data
}
