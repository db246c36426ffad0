import { elementCount } from '../../core/index.ts'
import { readTransposedWindows } from '../operators/convolution/conv-transpose.ts'
import { fusedActivation } from './activation.ts'
import type { Lowering } from './context.ts'
import { knownCall } from './known-call.ts'
import { isComputedInF32, toFloat32 } from './storage.ts'
import { asImage } from './window.ts'

/** Over one or two spatial axes with known filters. */
const convTranspose: Lowering = context => {
  const { segment, attributes } = context
  const [x, filter] = [context.type(0), context.known(1)]
  if (!x || !filter || !isComputedInF32(x.dtype) || !isComputedInF32(filter.dtype)) return false
  if (x.shape.length !== filter.shape.length || x.shape.length < 3 || x.shape.length > 4) return false
  if (elementCount(x.shape) === 0 || elementCount(filter.shape) === 0) return false
  const bias = context.has(2) ? context.known(2) : undefined
  const groups = attributes.int('group', 1)
  const [batch, channels, height, width] = asImage(x.shape)
  const groupFilters = filter.shape[1]!
  const n = groupFilters * groups
  if ((context.has(2) && !bias) || filter.shape[0] !== channels || channels % groups !== 0) return false
  const own = filter.shape.slice(2)
  if (attributes.ints('kernel_shape', own).join() !== own.join()) return false
  const windows = readTransposedWindows(knownCall(context), x.shape.slice(2), own)
  // What the sums reach without pads; an output beyond that is padded.
  const reach = windows.output.map((size, i) => windows.strides[i]! * (size - 1) + windows.dilations[i]! * (windows.kernel[i]! - 1) + 1)
  const beyond = windows.input.map((size, i) => size + windows.padsBegin[i]! + windows.padsEnd[i]! - reach[i]!)
  const pads = [...windows.padsBegin, ...windows.padsEnd.map((pad, i) => pad - Math.min(beyond[i]!, 0))]
  const isSignal = x.shape.length === 3
  const pair = (values: readonly number[], none: number): [number, number] => (isSignal ? [none, values[0]!] : [values[0]!, values[1]!])
  const [top, left] = pair(pads, 0)
  const [bottom, right] = pair(pads.slice(x.shape.length - 2), 0)
  const [outHeight, outWidth] = pair(windows.input, 1)
  const kernel = pair(windows.kernel, 1)
  const depth = channels / groups
  const weight = context.madeWeight(`${context.key(1)} as transposed filters`, [n, ...kernel, depth], () =>
    filtersOfInputs(toFloat32(filter), depth, groupFilters, groups),
  )
  const input = segment.builder.view(context.channelsLast(0), [batch, height, width, channels])
  const shift = bias && segment.constant(context.key(2), bias, 'f32', [n])
  const y = segment.emit('conv_transpose', context.node.name, [input, weight, shift], {
    strides: pair(windows.strides, 1),
    dilations: pair(windows.dilations, 1),
    pads: [top, left, bottom, right],
    outputPads: pair(
      beyond.map(extra => Math.max(extra, 0)),
      0,
    ),
    groups,
    activation: fusedActivation(attributes),
  })
  const shape = [batch, n, ...(isSignal ? [outWidth] : [outHeight, outWidth])]
  return context.define(isSignal ? segment.builder.view(y, [batch, outWidth, n]) : y, shape, 'channels-last')
}

/** `[groups · depth, filters, taps]` → `[groups · filters, taps, depth]`. */
function filtersOfInputs(from: Float32Array, depth: number, filters: number, groups: number): Float32Array {
  const taps = from.length / (depth * filters * groups)
  const data = new Float32Array(from.length)
  for (let g = 0; g < groups; g++)
    for (let d = 0; d < depth; d++)
      for (let f = 0; f < filters; f++)
        for (let t = 0; t < taps; t++) data[((g * filters + f) * taps + t) * depth + d] = from[((g * depth + d) * filters + f) * taps + t]!
  return data
}

/** Transposed convolutions by operator name. */
export const CONV_TRANSPOSE: Readonly<Record<string, Lowering>> = { ConvTranspose: convTranspose, 'hence.ConvTranspose': convTranspose }
