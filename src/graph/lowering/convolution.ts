import { elementCount } from '../../core/index.ts'
import type { Buffer } from '../../program/index.ts'
import { fusedActivation } from './activation.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { isComputedInF32 } from './segment.ts'
import { toFloat32 } from './storage.ts'
import { asImage, windowOf } from './window.ts'

/** `Conv` over one or two spatial axes with known filters; `hence.Conv` has a residual and an activation too. */
const convolution: Lowering = context => {
  const { segment, attributes } = context
  const [x, filter] = [context.type(0), context.known(1)]
  if (!x || !filter || !isComputedInF32(x.dtype) || !isComputedInF32(filter.dtype)) return false
  if (x.shape.length !== filter.shape.length || elementCount(x.shape) === 0 || elementCount(filter.shape) === 0) return false
  const window = windowOf(context, x.shape.slice(2), attributes.ints('kernel_shape', filter.shape.slice(2)))
  const bias = context.has(2) ? context.known(2) : undefined
  if (!window || (context.has(2) && !bias)) return false
  const [batch, channels, height, width] = asImage(x.shape)
  const [n, depth] = filter.shape as [number, number]
  const groups = attributes.int('group', 1)
  const { kernel, strides, pads, dilations } = window
  const sizes = [height, width].map(
    (size, i) => Math.floor((size + pads[i]! + pads[i + 2]! - dilations[i]! * (kernel[i]! - 1) - 1) / strides[i]!) + 1,
  )
  const [outHeight, outWidth] = sizes as [number, number]
  if (depth * groups !== channels || n % groups !== 0 || outHeight < 1 || outWidth < 1) return false
  const shape = x.shape.length === 3 ? [batch, n, outWidth] : [batch, n, outHeight, outWidth]
  const image = [batch, outHeight, outWidth, n]

  const residualType = context.has(3) ? context.type(3) : undefined
  const fitsResidual = residualType !== undefined && residualType.shape.join() === shape.join()
  const activation = fusedActivation(attributes)
  const residualPlace = attributes.int('residual_first', 0) === 1 ? 'before_activation' : 'after_activation'
  // A residual that broadcasts is added apart from the convolution, and so is what comes after it.
  if (residualType && !fitsResidual) return false
  const input = segment.builder.view(context.channelsLast(0), [batch, height, width, channels])
  const residual = fitsResidual ? segment.builder.view(context.channelsLast(3), image) : undefined
  const weight = context.madeWeight(`${context.key(1)} as filters`, [n, ...kernel, depth], () => filtersLast(toFloat32(filter), n, depth))
  const shift: Buffer | undefined = bias && segment.constant(context.key(2), bias, 'f32', [n])
  const y = segment.emit('conv', context.node.name, [input, weight, shift, residual], {
    strides,
    pads,
    dilations,
    groups,
    activation,
    residual: residualPlace,
  })
  return context.define(x.shape.length === 3 ? segment.builder.view(y, [batch, outWidth, n]) : y, shape, 'channels-last')
}

/** `[N, depth, pixels]` → `[N, pixels, depth]`. */
function filtersLast(from: Float32Array, n: number, depth: number): Float32Array {
  const pixels = from.length / (n * depth)
  const data = new Float32Array(from.length)
  for (let f = 0; f < n; f++)
    for (let d = 0; d < depth; d++)
      for (let p = 0; p < pixels; p++) data[(f * pixels + p) * depth + d] = from[(f * depth + d) * pixels + p]!
  return data
}

function pooling(kind: 'max' | 'average'): Lowering {
  return context => {
    const { segment, attributes } = context
    const x = context.type(0)
    if (!x || !isImage(context) || context.node.outputs.length > 1) return false
    const window = windowOf(context, x.shape.slice(2), attributes.ints('kernel_shape'))
    if (!window) return false
    const [batch, channels, height, width] = asImage(x.shape)
    const input = segment.builder.view(context.channelsLast(0), [batch, height, width, channels])
    const y = segment.emit('pool', context.node.name, [input], {
      kind,
      ...window,
      roundUp: attributes.int('ceil_mode', 0) === 1,
      counts: attributes.int('count_include_pad', 0) === 1 ? 'pads' : 'image',
    })
    const [, outHeight, outWidth] = y.shape as [number, number, number]
    const isSignal = x.shape.length === 3
    const shape = isSignal ? [batch, channels, outWidth] : [batch, channels, outHeight, outWidth]
    return context.define(isSignal ? segment.builder.view(y, [batch, outWidth, channels]) : y, shape, 'channels-last')
  }
}

function globalPooling(kind: 'max' | 'average'): Lowering {
  return context => {
    if (!isImage(context)) return false
    const { segment } = context
    const { shape } = context.type(0)!
    const [batch, channels, height, width] = asImage(shape)
    const input = segment.builder.view(context.channelsLast(0), [batch, height, width, channels])
    const y = segment.emit('pool', context.node.name, [input], { kind, kernel: [height, width] })
    const result = [batch, channels, ...shape.slice(2).map(() => 1)]
    return context.define(segment.builder.view(y, result), result)
  }
}

function isImage(context: LoweringContext): boolean {
  const type = context.type(0)
  return type !== undefined && context.isFloat(0) && (type.shape.length === 3 || type.shape.length === 4) && elementCount(type.shape) > 0
}

/** Convolutions and pooling by operator name. */
export const CONVOLUTION: Readonly<Record<string, Lowering>> = {
  Conv: convolution,
  'hence.Conv': convolution,
  MaxPool: pooling('max'),
  AveragePool: pooling('average'),
  GlobalMaxPool: globalPooling('max'),
  GlobalAveragePool: globalPooling('average'),
}
