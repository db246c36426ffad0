import { elementCount } from '../../core/index.ts'
import { type Buffer, transposed } from '../../program/index.ts'
import { integerInput } from '../operators/support/index.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { knownCall } from './known-call.ts'
import { axisIn } from './segment.ts'

/** The axis an attribute or a known operand names; undefined where it is none of the operand's. */
function wrapped(axis: number, { shape }: { readonly shape: readonly number[] }): number | undefined {
  const own = axis < 0 ? axis + shape.length : axis
  return own >= 0 && own < shape.length ? own : undefined
}

function isRankable(context: LoweringContext): boolean {
  const type = context.type(0)
  return type !== undefined && context.isFloat(0) && type.dtype !== 'bool' && elementCount(type.shape) > 0
}

/** Places as graphs have them. */
function asInt64({ segment, node }: LoweringContext, places: Buffer): Buffer {
  return segment.emit('map', node.name, [places], { expression: { input: 0 }, dtype: 'i64' })
}

function extreme(kind: 'max' | 'min'): Lowering {
  return context => {
    if (!isRankable(context)) return false
    const type = context.type(0)!
    const { segment, node, attributes } = context
    const axis = wrapped(attributes.int('axis', 0), type)
    if (axis === undefined) return false
    const keepAxes = attributes.int('keepdims', 1) === 1
    // Without the channels, or with all axes in place, what lies in memory is in order.
    const layout = axis === 1 || keepAxes ? context.layout(0) : 'plain'
    const x = layout === 'plain' ? context.plain(0) : context.channelsLast(0)
    const last = attributes.int('select_last_index', 0) === 1
    const places = segment.emit('extreme', node.name, [x], { axis: axisIn(layout, axis, type.shape.length), kind, last })
    const shape = type.shape.flatMap((size, i) => (i !== axis ? [size] : keepAxes ? [1] : []))
    const y = asInt64(context, places)
    if (layout === 'plain' || axis === 1) return context.define(segment.builder.view(y, shape), shape, 'plain', 0, 'i64')
    const [batch, channels, ...spatial] = shape as [number, number, ...number[]]
    return context.define(segment.builder.view(y, [batch, ...spatial, channels]), shape, layout, 0, 'i64')
  }
}

const topK: Lowering = context => {
  const type = context.type(0)
  const { segment, node, attributes } = context
  if (!type || !isRankable(context) || (node.version >= 10 && !context.known(1))) return false
  const axis = wrapped(attributes.int('axis', -1), type)
  const k = node.version < 10 ? attributes.int('k') : integerInput(knownCall(context), 1, 'k')
  if (axis === undefined || k < 1 || k > type.shape[axis]!) return false
  const { shape } = type
  const result = shape.map((size, i) => (i === axis ? k : size))
  const size = shape[axis]!
  const isLast = elementCount(shape.slice(axis + 1)) === 1
  const order = [...shape.keys()].filter(i => i !== axis).concat(axis)
  const rows = isLast
    ? context.plainAs(0, [elementCount(shape) / size, size])
    : segment.builder.view(segment.emit('copy', node.name, [context.plain(0)], transposed(shape, order)), [
        elementCount(shape) / size,
        size,
      ])
  const smallest = attributes.int('largest', 1) === 0
  const best = segment.emitAll('top_k', node.name, [rows], { k, smallest })
  for (const [output, buffer] of [best[0]!, asInt64(context, best[1]!)].entries()) {
    if ((node.outputs[output] ?? '') === '') continue
    const moved = order.map(i => result[i]!)
    const back = shape.map((_, i) => order.indexOf(i))
    const y = isLast
      ? segment.builder.view(buffer, result)
      : segment.emit('copy', node.name, [segment.builder.view(buffer, moved)], transposed(moved, back))
    context.define(y, result, 'plain', output, output === 0 ? type.dtype : 'i64')
  }
  return true
}

function cumulative(kind: 'sum' | 'prod'): Lowering {
  return context => {
    const type = context.type(0)
    if (!type || !isRankable(context) || !context.known(1)) return false
    const axis = wrapped(integerInput(knownCall(context), 1, 'axis'), type)
    if (axis === undefined) return false
    const { segment, node, attributes } = context
    const layout = context.layout(0)
    const x = layout === 'plain' ? context.plain(0) : context.channelsLast(0)
    const y = segment.emit('cumulative', node.name, [x], {
      axis: axisIn(layout, axis, type.shape.length),
      kind,
      exclusive: attributes.int('exclusive', 0) !== 0,
      reverse: attributes.int('reverse', 0) !== 0,
    })
    return context.define(y, type.shape, layout)
  }
}

/** Operators that order or fold the numbers along an axis, by name. */
export const RANKING: Readonly<Record<string, Lowering>> = {
  ArgMax: extreme('max'),
  ArgMin: extreme('min'),
  CumProd: cumulative('prod'),
  CumSum: cumulative('sum'),
  TopK: topK,
}
