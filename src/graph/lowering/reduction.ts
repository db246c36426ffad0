import { elementCount } from '../../core/index.ts'
import type { ReduceKind } from '../../program/index.ts'
import type { Lowering } from './context.ts'
import { axisIn } from './segment.ts'

const KINDS: Readonly<Record<string, ReduceKind>> = {
  ReduceSum: 'sum',
  ReduceMean: 'mean',
  ReduceMax: 'max',
  ReduceMin: 'min',
  ReduceProd: 'prod',
  ReduceSumSquare: 'sum_square',
  ReduceL1: 'l1',
  ReduceL2: 'l2',
  ReduceLogSum: 'log_sum',
  ReduceLogSumExp: 'log_sum_exp',
}

function reduction(kind: ReduceKind): Lowering {
  return context => {
    const type = context.type(0)
    if (!type || !context.isFloat(0) || type.dtype === 'bool' || elementCount(type.shape) === 0) return false
    const { shape } = type
    const { attributes } = context
    const given = context.has(1) ? context.knownInts(1) : [...attributes.ints('axes', [])]
    if (!given) return false
    if (given.length === 0 && attributes.int('noop_with_empty_axes', 0) === 1) return false
    const axes = given.length === 0 ? [...shape.keys()] : given.map(axis => (axis < 0 ? axis + shape.length : axis))
    if (axes.some(axis => axis < 0 || axis >= shape.length) || new Set(axes).size !== axes.length || axes.length === 0) return false
    const keepAxes = attributes.int('keepdims', 1) === 1
    const layout = context.layout(0)
    const x = layout === 'plain' ? context.plain(0) : context.channelsLast(0)
    const inMemory = axes.map(axis => axisIn(layout, axis, shape.length))
    const y = context.segment.emit('reduce', context.node.name, [x], { kind, axes: inMemory, keepAxes })
    const result = keepAxes ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size)) : shape.filter((_, axis) => !axes.includes(axis))
    if (layout === 'plain' || keepAxes) return context.define(y, result, keepAxes ? layout : 'plain')
    // Without the reduced axes there is no channel axis to be last, unless all others are gone too.
    const channelsMove = !axes.includes(1) && shape.some((_, axis) => axis > 1 && !axes.includes(axis))
    if (!channelsMove) return context.define(y, result)
    const kept = context.segment.emit('reduce', context.node.name, [context.plain(0)], { kind, axes, keepAxes })
    return context.define(kept, result)
  }
}

/** Reductions by operator name. */
export const REDUCTION: Readonly<Record<string, Lowering>> = Object.fromEntries(
  Object.entries(KINDS).map(([op, kind]) => [op, reduction(kind)]),
)
