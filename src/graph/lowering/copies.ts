import { elementCount } from '../../core/index.ts'
import { type CopyAttributes, concatenated, continued, padded, sliced, transposed } from '../../program/index.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { broadcast } from './elementwise.ts'
import { LARGE } from './integers.ts'
import { axisIn, channelsLast, physicalShape } from './segment.ts'

/** Operands in a program have at most this many axes after transposition. */
const MAX_AXES = 8

/** True for an operand that copies can move. */
export function isMovable(context: LoweringContext, position = 0): boolean {
  const type = context.type(position)
  const isHeld = context.isFloat(position) || type?.dtype === 'u8' || type?.dtype === 'i8'
  return type !== undefined && isHeld && elementCount(type.shape) > 0 && type.shape.length <= MAX_AXES
}

/** One operand moved within its own layout. */
function move(context: LoweringContext, shape: readonly number[], attributes: CopyAttributes, output = 0): void {
  const layout = context.layout(0)
  const x = layout === 'plain' ? context.plain(0) : context.channelsLast(0)
  context.define(context.segment.emit('copy', context.node.name, [x], attributes), shape, layout, output)
}

const transpose: Lowering = context => {
  if (!isMovable(context)) return false
  const { shape } = context.type(0)!
  const order = context.attributes.ints('perm', [...shape.keys()].reverse())
  if (order.length !== shape.length || !shape.every((_, axis) => order.includes(axis))) return false
  const layout = context.layout(0)
  const result = order.map(axis => shape[axis]!)
  const x = layout === 'plain' ? context.plain(0) : context.channelsLast(0)
  // Axes of the result, as they are in the operand's memory.
  const inMemory = order.map(axis => axisIn(layout, axis, shape.length))
  const moving = inMemory.filter(axis => x.shape[axis] !== 1)
  const isReshape = moving.every((axis, i) => i === 0 || axis > moving[i - 1]!)
  if (isReshape && x.role !== 'constant') return context.define(context.segment.builder.view(x, result), result)
  // The last axis becomes the channels: the numbers lie already as convolutions want them.
  const isImage = layout === 'plain' && shape.length > 3 && channelsLast(order).every((axis, i) => axis === i)
  if (isImage && x.role !== 'constant') return context.define(x, result, 'channels-last')
  return context.define(context.segment.emit('copy', context.node.name, [x], transposed(x.shape, inMemory)), result)
}

/** `hence.ShuffleChannels`: within a pixel where channels are last, plane by plane where they are not. */
const shuffleChannels: Lowering = context => {
  if (!isMovable(context) || context.known(0)) return false
  const { shape } = context.type(0)!
  const [, groups, depth, ...size] = context.attributes.ints('shape') as readonly [number, number, number, ...number[]]
  if (shape.length !== 4 || shape[1] !== groups * depth || size.some((pixels, i) => pixels !== shape[i + 2])) return false
  const pixels = elementCount(size)
  const isLast = context.layout(0) === 'channels-last'
  const x = isLast ? context.channelsLast(0) : context.plain(0)
  const [parts, order] = isLast
    ? [
        [shape[0]! * pixels, groups, depth],
        [0, 2, 1],
      ]
    : [
        [shape[0]!, groups, depth, pixels],
        [0, 2, 1, 3],
      ]
  const { builder } = context.segment
  const y = context.segment.emit('copy', context.node.name, [builder.view(x, parts)], transposed(parts, order))
  return context.define(builder.view(y, x.shape), shape, isLast ? 'channels-last' : 'plain')
}

const concat: Lowering = context => {
  const positions = context.node.inputs.map((_, i) => i)
  if (!positions.every(i => isMovable(context, i))) return false
  const shapes = positions.map(i => context.type(i)!.shape)
  const rank = shapes[0]!.length
  const axis = wrap(context.attributes.int('axis'), rank)
  if (axis === undefined || shapes.some(shape => shape.length !== rank || shape.some((size, i) => i !== axis && size !== shapes[0]![i])))
    return false
  const layout = positions.some(i => context.layout(i) === 'channels-last') ? 'channels-last' : 'plain'
  const inputs = positions.map(i => (layout === 'plain' ? context.plain(i) : context.channelsLast(i)))
  const attributes = concatenated(
    shapes.map(shape => physicalShape(layout, shape)),
    axisIn(layout, axis, rank),
  )
  const total = shapes.reduce((sum, shape) => sum + shape[axis]!, 0)
  const shape = shapes[0]!.map((size, i) => (i === axis ? total : size))
  return context.define(context.segment.emit('copy', context.node.name, inputs, attributes), shape, layout)
}

const split: Lowering = context => {
  if (!isMovable(context)) return false
  const { shape } = context.type(0)!
  const axis = wrap(context.attributes.int('axis', 0), shape.length)
  const { outputs, version } = context.node
  if (axis === undefined || outputs.includes('')) return false
  const size = shape[axis]!
  const given = version < 13 ? context.attributes.ints('split', []) : context.has(1) ? context.knownInts(1) : []
  if (!given) return false
  const chunk = Math.ceil(size / outputs.length)
  const sizes = given.length > 0 ? given : outputs.map((_, i) => Math.min(chunk, size - i * chunk))
  if (sizes.length !== outputs.length || sizes.some(part => part < 1) || sizes.reduce((sum, part) => sum + part, 0) !== size) return false
  let start = 0
  for (const [i, part] of sizes.entries()) {
    const result = shape.map((n, at) => (at === axis ? part : n))
    slice(context, result, { [axis]: start }, {}, i)
    start += part
  }
  return true
}

/** Defines an output as a regular part of the first operand; starts and steps by ONNX axis. */
function slice(
  context: LoweringContext,
  result: readonly number[],
  starts: Readonly<Record<number, number>>,
  steps: Readonly<Record<number, number>>,
  output = 0,
): void {
  const layout = context.layout(0)
  const { shape } = context.type(0)!
  const inMemory = (values: (axis: number) => number) =>
    physicalShape(
      layout,
      shape.map((_, axis) => values(axis)),
    )
  move(
    context,
    result,
    sliced(
      physicalShape(layout, shape),
      inMemory(axis => starts[axis] ?? 0),
      inMemory(axis => steps[axis] ?? 1),
      physicalShape(layout, result),
    ),
    output,
  )
}

const slicing: Lowering = context => {
  if (!isMovable(context) || context.node.version < 10) return false
  const { shape } = context.type(0)!
  const [begins, ends] = [context.knownInts(1), context.knownInts(2)]
  const axes = context.has(3) ? context.knownInts(3) : begins?.map((_, i) => i)
  const steps = context.has(4) ? context.knownInts(4) : begins?.map(() => 1)
  if (!begins || !ends || !axes || !steps || steps.includes(0)) return false
  if ([ends, axes, steps].some(list => list.length !== begins.length)) return false
  const result = [...shape]
  const starts: Record<number, number> = {}
  const strides: Record<number, number> = {}
  for (const [i, given] of axes.entries()) {
    const axis = wrap(given, shape.length)
    if (axis === undefined) return false
    const size = shape[axis]!
    const step = steps[i]!
    const clamp = (at: number, low: number, high: number): number => Math.min(Math.max(at < 0 ? at + size : at, low), high)
    const begin = step > 0 ? clamp(begins[i]!, 0, size) : clamp(begins[i]!, 0, size - 1)
    const end = step > 0 ? clamp(ends[i]!, 0, size) : clamp(ends[i]!, -1, size - 1)
    result[axis] = Math.max(0, Math.ceil((end - begin) / step))
    starts[axis] = begin
    strides[axis] = step
  }
  if (elementCount(result) === 0) return false
  const isWhole = result.every((size, axis) => size === shape[axis] && (strides[axis] ?? 1) === 1)
  if (isWhole && context.isUnderWay) return context.passOn()
  slice(context, result, starts, strides)
  return true
}

const pad: Lowering = context => {
  const mode = context.attributes.string('mode', 'constant')
  if (!isMovable(context) || (mode !== 'constant' && mode !== 'reflect' && mode !== 'edge')) return false
  const { shape } = context.type(0)!
  const pads = context.node.version < 11 ? [...context.attributes.ints('pads')] : context.knownInts(1)
  if (!pads) return false
  const axes = context.has(3) ? context.knownInts(3)?.map(axis => wrap(axis, shape.length)) : [...shape.keys()]
  const filler = context.node.version < 11 ? undefined : context.has(2) ? context.known(2) : undefined
  if (!axes || axes.includes(undefined) || (context.node.version >= 11 && context.has(2) && filler?.dtype !== 'f32')) return false
  const fill = context.node.version < 11 ? context.attributes.float('value', 0) : Number(filler?.data[0] ?? 0)
  const side = (offset: number): number[] => shape.map((_, axis) => (axes.includes(axis) ? pads[offset + axes.indexOf(axis)]! : 0))
  const [before, after] = [side(0), side(axes.length)]
  const result = shape.map((size, axis) => size + before[axis]! + after[axis]!)
  if (result.some(size => size < 1)) return false
  if (mode !== 'constant') return continuedAxes(context, before, after, mode)
  const layout = context.layout(0)
  const [x, b, a] = [shape, before, after].map(values => physicalShape(layout, values)) as [number[], number[], number[]]
  move(context, result, padded(x, b, a, fill))
  return true
}

/** Padding by a value's own elements, one axis after the other. */
function continuedAxes(context: LoweringContext, before: readonly number[], after: readonly number[], mode: 'reflect' | 'edge'): boolean {
  const { shape } = context.type(0)!
  const longest = (axis: number): number => Math.max(before[axis]!, after[axis]!)
  if (shape.some((size, axis) => Math.min(before[axis]!, after[axis]!) < 0 || (mode === 'reflect' && longest(axis) >= size))) return false
  const layout = context.layout(0)
  const rank = shape.length
  let x = layout === 'plain' ? context.plain(0) : context.channelsLast(0)
  let result = shape
  for (const axis of shape.keys()) {
    if (longest(axis) === 0) continue
    const own = continued(physicalShape(layout, result), axisIn(layout, axis, rank), before[axis]!, after[axis]!, mode)
    x = context.segment.emit('copy', context.node.name, [x], own)
    result = result.map((size, i) => (i === axis ? size + before[i]! + after[i]! : size))
  }
  if (x.role === 'constant') return false
  return context.define(x, result, layout)
}

const expand: Lowering = context => {
  const wanted = context.knownInts(1)
  const type = context.type(0)
  const isWhole = type?.dtype === 'i32' || type?.dtype === 'i64'
  if (!type || (!isMovable(context) && !isWhole) || !wanted) return false
  const result = broadcast([type.shape, wanted])
  if (!result || elementCount(result) === 0) return false
  // A few whole numbers are repeated where they are.
  if (isWhole && !context.segment.values.has(context.node.inputs[0]!) && elementCount(result) < LARGE) return false
  return context.defineRepeated(result)
}

function wrap(axis: number, rank: number): number | undefined {
  const wrapped = axis < 0 ? axis + rank : axis
  return wrapped >= 0 && wrapped < rank ? wrapped : undefined
}

/** Operators that move numbers without changing them, by name. */
export const COPIES: Readonly<Record<string, Lowering>> = {
  Concat: concat,
  Expand: expand,
  Pad: pad,
  Slice: slicing,
  Split: split,
  Transpose: transpose,
  'hence.ShuffleChannels': shuffleChannels,
}
