import { elementCount } from '../../core/index.ts'
import type { Buffer, MapExpression } from '../../program/index.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { axisIn } from './segment.ts'
import { isComputedInF32, toFloat32 } from './storage.ts'

const x: MapExpression = { input: 0 }
const constant = (value: number): MapExpression => ({ constant: value })

function isNormalizable(context: LoweringContext): boolean {
  const type = context.type(0)
  return type !== undefined && context.isFloat(0) && type.dtype !== 'bool' && elementCount(type.shape) > 0
}

/** Known numbers, one for each of `count` channels; given for fewer groups of channels, they repeat within a group. */
function channelNumbers(context: LoweringContext, position: number, count: number, entries: number): Float32Array | undefined {
  const tensor = context.known(position)
  if (!tensor || !isComputedInF32(tensor.dtype) || elementCount(tensor.shape) !== entries) return undefined
  const values = toFloat32(tensor)
  return Float32Array.from({ length: count }, (_, channel) => values[Math.floor((channel * entries) / count)]!)
}

/** Rows at least this long are normalised where they lie. */
const LONG_ROW = 64
/** What rows are cut into for vectors. */
const ROW_CHANNELS = 16

/** Groups of channels, each over all pixels of its image. */
function grouped(context: LoweringContext, groups: number, entries: number): boolean {
  const { segment, node, attributes } = context
  const { shape } = context.type(0)!
  const [batch, channels] = shape as [number, number]
  const pixels = elementCount(shape.slice(2))
  const [scale, shift] = [channelNumbers(context, 1, channels, entries), channelNumbers(context, 2, channels, entries)]
  if (!scale || !shift) return false
  const epsilon = attributes.float('epsilon', 1e-5)
  const row = (channels / groups) * pixels
  if (context.layout(0) === 'plain' && row >= LONG_ROW && row % ROW_CHANNELS === 0) {
    // A group's numbers lie together: it is an image of one group, scaled and shifted afterwards.
    const rows = context.plainAs(0, [batch * groups, row / ROW_CHANNELS, ROW_CHANNELS])
    const standard = segment.emit('group_norm', node.name, [rows], { groups: 1, epsilon })
    const y = segment.builder.view(standard, shape)
    if (scale.every(s => s === 1) && shift.every(s => s === 0)) return context.define(y, shape)
    const perChannel = [channels, ...shape.slice(2).map(() => 1)]
    const operands = [y, vector(context, 'scale', scale, perChannel), vector(context, 'shift', shift, perChannel)]
    return context.define(segment.emit('map', node.name, operands, { expression: ['add', ['mul', x, { input: 1 }], { input: 2 }] }), shape)
  }
  const image = segment.builder.view(context.channelsLast(0), [batch, pixels, channels])
  const operands = [image, vector(context, 'scale', scale, [channels]), vector(context, 'shift', shift, [channels])]
  const y = segment.emit('group_norm', node.name, operands, { groups, epsilon })
  return context.define(segment.builder.view(y, [batch, ...shape.slice(2), channels]), shape, 'channels-last')
}

function vector({ segment, node }: LoweringContext, name: string, data: Float32Array, shape: readonly number[]): Buffer {
  return segment.constant(`${node.name} ${name}`, { dtype: 'f32', shape, data }, 'f32')
}

const instanceNormalization: Lowering = context => {
  const channels = context.type(0)?.shape[1]
  return isNormalizable(context) && channels !== undefined && context.type(0)!.shape.length > 2 && grouped(context, channels, channels)
}

const groupNormalization: Lowering = context => {
  const channels = context.type(0)?.shape[1]
  const groups = context.attributes.int('num_groups')
  if (!isNormalizable(context) || channels === undefined || groups < 1 || channels % groups !== 0) return false
  return grouped(context, groups, context.node.version < 21 ? groups : channels)
}

/** The operand as it lies in memory, and axes there. */
function inMemory(context: LoweringContext, axes: readonly number[]): { buffer: Buffer; axes: readonly number[] } | undefined {
  const rank = context.type(0)!.shape.length
  const layout = context.layout(0)
  const wrapped = axes.map(axis => (axis < 0 ? axis + rank : axis))
  if (wrapped.some(axis => axis < 0 || axis >= rank) || new Set(wrapped).size !== wrapped.length || wrapped.length === 0) return undefined
  return {
    buffer: layout === 'plain' ? context.plain(0) : context.channelsLast(0),
    axes: wrapped.map(axis => axisIn(layout, axis, rank)),
  }
}

const meanVarianceNormalization: Lowering = context => {
  if (!isNormalizable(context)) return false
  const found = inMemory(context, context.attributes.ints('axes', [0, 2, 3]))
  if (!found) return false
  const { segment, node } = context
  const { shape } = context.type(0)!
  const { buffer, axes } = found
  const count = axes.reduce((product, axis) => product * (buffer.shape[axis] as number), 1)
  const mean = segment.emit('reduce', node.name, [buffer], { kind: 'mean', axes, keepAxes: true })
  const distance = segment.emit('map', node.name, [buffer, mean], { expression: ['sub', x, { input: 1 }] })
  const squares = segment.emit('reduce', node.name, [distance], { kind: 'sum_square', axes, keepAxes: true })
  // The operator's own definition adds this to the deviation.
  const deviation: MapExpression = ['add', ['sqrt', ['mul', { input: 1 }, constant(1 / count)]], constant(1e-9)]
  const y = segment.emit('map', node.name, [distance, squares], { expression: ['div', x, deviation] })
  return context.define(y, shape, context.layout(0))
}

const lpNormalization: Lowering = context => {
  const p = context.attributes.int('p', 2)
  if (!isNormalizable(context) || (p !== 1 && p !== 2)) return false
  const found = inMemory(context, [context.attributes.int('axis', -1)])
  if (!found) return false
  const { segment, node } = context
  const { buffer, axes } = found
  const norm = segment.emit('reduce', node.name, [buffer], { kind: p === 1 ? 'l1' : 'l2', axes, keepAxes: true })
  const expression: MapExpression = ['where', { input: 1 }, ['div', x, { input: 1 }], constant(0)]
  return context.define(segment.emit('map', node.name, [buffer, norm], { expression }), context.type(0)!.shape, context.layout(0))
}

/** Channels up to which sums over neighbours are a matrix product. */
const MOST_LRN_CHANNELS = 1024

/** Sums of squares over neighbouring channels are a convolution with a band of ones. */
const lrn: Lowering = context => {
  const shape = context.type(0)?.shape
  if (!isNormalizable(context) || !shape || shape.length < 3 || shape[1]! > MOST_LRN_CHANNELS) return false
  const { segment, node, attributes } = context
  const [batch, channels] = shape as [number, number]
  const [size, alpha, beta, bias] = [
    attributes.int('size'),
    attributes.float('alpha', 1e-4),
    attributes.float('beta', 0.75),
    attributes.float('bias', 1),
  ]
  if (size < 1) return false
  const own = context.channelsLast(0)
  const image = segment.builder.view(own, [batch, elementCount(shape.slice(2)), 1, channels])
  const squares = segment.emit('map', node.name, [image], { expression: ['mul', x, x] })
  const band = context.madeWeight(`ones within ${size} of ${channels} channels`, [channels, 1, 1, channels], () => bandOf(channels, size))
  const sums = segment.emit('conv', node.name, [squares, band], {})
  const power: MapExpression = ['pow', ['add', ['mul', { input: 1 }, constant(alpha / size)], constant(bias)], constant(beta)]
  const y = segment.emit('map', node.name, [image, sums], { expression: ['div', x, power] })
  return context.define(segment.builder.view(y, [batch, ...shape.slice(2), channels]), shape, 'channels-last')
}

/** Row c has ones where the window of channel c is. */
function bandOf(channels: number, size: number): Float32Array {
  const ones = new Float32Array(channels * channels)
  for (let c = 0; c < channels; c++) {
    const first = Math.max(0, c - Math.floor((size - 1) / 2))
    const end = Math.min(channels, c + Math.ceil((size - 1) / 2) + 1)
    ones.fill(1, c * channels + first, c * channels + end)
  }
  return ones
}

/** Normalizations by moments and norms, by operator name. */
export const MOMENTS: Readonly<Record<string, Lowering>> = {
  GroupNormalization: groupNormalization,
  InstanceNormalization: instanceNormalization,
  LpNormalization: lpNormalization,
  LRN: lrn,
  MeanVarianceNormalization: meanVarianceNormalization,
}
