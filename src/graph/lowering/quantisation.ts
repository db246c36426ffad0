import { elementCount } from '../../core/index.ts'
import type { MapExpression } from '../../program/index.ts'
import type { GraphTensor } from '../operator.ts'
import { clamp } from './clamp.ts'
import type { Lowering, LoweringContext } from './context.ts'
import type { LazyExpression } from './segment.ts'
import type { ValueLayout } from './value-type.ts'

/** Types of the codes that programs hold. */
export type CodeType = 'u8' | 'i8'

/** The least and the greatest code of a type. */
const RANGES: Readonly<Record<CodeType, readonly [number, number]>> = { u8: [0, 255], i8: [-128, 127] }

/** True for types of codes. */
export function isCode(dtype: string | undefined): dtype is CodeType {
  return dtype === 'u8' || dtype === 'i8'
}

const isConstant = (x: MapExpression, value: number): boolean => 'constant' in x && x.constant === value

/** The nearest code to x. */
export function codeOf(x: MapExpression, scale: MapExpression, zero: MapExpression, dtype: CodeType): MapExpression {
  const quotient: MapExpression = isConstant(scale, 1) ? x : ['div', x, scale]
  const rounded: MapExpression = ['round', quotient]
  return clamp(isConstant(zero, 0) ? rounded : ['add', rounded, zero], ...RANGES[dtype])
}

/** The known scale and zero point of a node's first operand: one for all, or one for each index of an axis. */
interface Grid {
  readonly dtype: CodeType
  readonly parts: (layout: ValueLayout) => readonly [scale: LazyExpression, zero: LazyExpression]
}

function gridOf(context: LoweringContext, rank: number, size: (axis: number) => number | undefined): Grid | undefined {
  const { attributes } = context
  if (['output_dtype', 'block_size', 'precision'].some(name => attributes.int(name, 0) !== 0)) return undefined
  const scale = context.known(1)
  const zero = context.has(2) ? context.known(2) : ({ dtype: 'u8', shape: [], data: new Uint8Array(1) } as GraphTensor)
  if (scale?.dtype !== 'f32' || !zero || !isCode(zero.dtype)) return undefined
  const given = attributes.int('axis', 1)
  const axis = rank === 1 && !attributes.has('axis') ? 0 : given < 0 ? given + rank : given
  const isSingle = (tensor: GraphTensor): boolean => tensor.shape.length <= 1 && elementCount(tensor.shape) === 1
  const isAlong = (tensor: GraphTensor): boolean => tensor.shape.length === 1 && tensor.shape[0] === size(axis)
  if (!isSingle(scale) && !(isAlong(scale) && isAlong(zero))) return undefined
  if (isSingle(scale) && !isSingle(zero)) return undefined
  return {
    dtype: zero.dtype,
    parts: layout => [
      context.alongAxis(context.key(1), scale, axis, rank, layout),
      context.alongAxis(context.has(2) ? context.key(2) : '', zero, axis, rank, layout),
    ],
  }
}

/** `QuantizeLinear` to 8-bit codes with a known scale. */
const quantize: Lowering = context => {
  const type = context.type(0)
  if (type?.dtype !== 'f32' || elementCount(type.shape) === 0) return false
  const grid = gridOf(context, type.shape.length, axis => type.shape[axis])
  if (!grid) return false
  return context.defineMap([0], type.shape, ([x, scale, zero]) => codeOf(x!, scale!, zero!, grid.dtype), grid.dtype, grid.parts)
}

/** `DequantizeLinear` of 8-bit codes with a known scale. */
const dequantize: Lowering = context => {
  const type = context.type(0)
  if (!isCode(type?.dtype) || elementCount(type.shape) === 0) return false
  const grid = gridOf(context, type.shape.length, axis => type.shape[axis])
  if (!grid || (context.has(2) && grid.dtype !== type.dtype)) return false
  const build = ([q, scale, zero]: readonly MapExpression[]): MapExpression => [
    'mul',
    isConstant(zero!, 0) ? q! : ['sub', q!, zero!],
    scale!,
  ]
  return context.defineMap([0], type.shape, build, 'f32', grid.parts)
}

/** Numbers that one thread looks through sooner than several that have to be woken. */
const ALONE = 1 << 14

/** `DynamicQuantizeLinear`: the scale and the zero point come from the least and the greatest number. */
const quantizeDynamically: Lowering = context => {
  const type = context.type(0)
  if (type?.dtype !== 'f32' || type.shape.length === 0 || elementCount(type.shape) === 0) return false
  const { segment, node } = context
  const layout = context.layout(0)
  const x = layout === 'plain' ? context.plain(0) : context.channelsLast(0)
  const extreme = (kind: 'min' | 'max') => {
    // Threads share the rows of a large value.
    const rows = elementCount(type.shape) > ALONE ? elementCount(type.shape.slice(0, -1)) : 1
    const inner = segment.builder.view(x, [rows, elementCount(type.shape) / rows])
    const y = segment.emit('reduce', `${node.name} ${kind}`, [inner], { kind, axes: [1] })
    return rows === 1 ? y : segment.emit('reduce', `${node.name} ${kind}`, [y], { kind, axes: [0], keepAxes: true })
  }
  const one = (name: string, operands: Parameters<typeof segment.emit>[2], expression: MapExpression) =>
    segment.builder.view(segment.emit('map', `${node.name} ${name}`, operands, { expression }), [1])
  const [least, greatest] = [extreme('min'), extreme('max')]
  const low: MapExpression = ['min', { input: 0 }, { constant: 0 }]
  const high: MapExpression = ['max', { input: 1 }, { constant: 0 }]
  // All zeros: any scale will do, and 1 divides.
  const span: MapExpression = ['sub', high, low]
  const scale = one('scale', [least, greatest], ['where', span, ['div', span, { constant: 255 }], { constant: 1 }])
  const zero = one('zero', [least, scale], clamp(['round', ['div', ['neg', low], { input: 1 }]], 0, 255))

  const leaf = (buffer: typeof scale): LazyExpression => ({ tree: { input: 0 }, operands: [buffer] })
  const scalar = { shape: [], layout: 'plain' } as const
  if (node.outputs[1]) segment.define(node.outputs[1], { ...scalar, dtype: 'f32', buffer: segment.builder.view(scale, []) })
  if (node.outputs[2]) segment.define(node.outputs[2], { ...scalar, dtype: 'u8', expression: leaf(segment.builder.view(zero, [])) })
  return context.defineMap(
    [0],
    type.shape,
    ([v, s, z]) => codeOf(v!, s!, z!, 'u8'),
    'u8',
    () => [leaf(scale), leaf(zero)],
  )
}

/** `hence.Rounded`: the nearest number on the grid of 8-bit integers with a scale and a zero point. */
const rounded: Lowering = context => {
  const scale = context.known(1)
  if (context.type(0)?.dtype !== 'f32' || scale?.dtype !== 'f32') return false
  const zero = context.has(2) ? Number(context.known(2)?.data[0]) : 0
  const [low, high] = RANGES[context.attributes.string('dtype') === 'i8' ? 'i8' : 'u8']
  const step: MapExpression = { constant: (scale.data as Float32Array)[0]! }
  // The zero point is a whole number, so the grid may be cut before it is moved.
  return context.defineMap([0], context.type(0)!.shape, ([x]) => [
    'mul',
    clamp(['round', ['div', x!, step]], low - zero, high - zero),
    step,
  ])
}

/** Between floats and 8-bit codes, by operator name. */
export const QUANTISATION: Readonly<Record<string, Lowering>> = {
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: quantizeDynamically,
  QuantizeLinear: quantize,
  'hence.Rounded': rounded,
}
