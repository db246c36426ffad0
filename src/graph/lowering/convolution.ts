import { elementCount } from '../../core/index.ts'
import type { Buffer } from '../../program/index.ts'
import { fusedActivation } from './activation.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { filtersLast, planConvolution } from './plan-convolution.ts'
import { isComputedInF32, toFloat32 } from './storage.ts'
import { asImage, windowOf } from './window.ts'

/** `Conv` over one or two spatial axes with known filters; `hence.Conv` has a residual and an activation too. */
const convolution: Lowering = context => {
  const { segment, attributes } = context
  const [x, filter] = [context.type(0), context.known(1)]
  if (!x || !filter || !isComputedInF32(x.dtype) || !isComputedInF32(filter.dtype)) return false
  const bias = context.has(2) ? context.known(2) : undefined
  const plan = planConvolution(context)
  if (!plan || (context.has(2) && !bias)) return false
  const { n, depth, window, groups } = plan
  const { kernel, strides, pads, dilations } = window
  const weight = context.madeWeight(`${context.key(1)} as filters`, [n, ...kernel, depth], () => filtersLast(toFloat32(filter), n, depth))
  const shift: Buffer | undefined = bias && segment.constant(context.key(2), bias, 'f32', [n])
  const y = segment.emit('conv', context.node.name, [plan.input(), weight, shift, plan.residual()], {
    strides,
    pads,
    dilations,
    groups,
    activation: fusedActivation(attributes),
    residual: attributes.int('residual_first', 0) === 1 ? 'before_activation' : 'after_activation',
  })
  return plan.define(y)
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
