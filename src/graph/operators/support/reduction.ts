import { type OperatorCall, tensorInput } from '../../operator.ts'
import { integersFromInputOrAttribute } from './integers.ts'
import { checkedCount } from './output.ts'
import { normalizeAxes, stridesOf } from './shapes.ts'

/** Which elements of an input fold into which of an output. */
export interface ReductionPlan {
  /** Shape of the output as the node names it. */
  readonly shape: readonly number[]
  /** Elements of the output. */
  readonly outputCount: number
  /** Elements folded into each. */
  readonly count: number
  /** For each axis of the input, the stride of the output: 0 along reduced axes. */
  readonly strides: readonly number[]
}

/** The plan of reducing `axes`, counted from the front, of an input of `shape`. */
export function planReduction(call: OperatorCall, shape: readonly number[], axes: readonly number[], keepDims: boolean): ReductionPlan {
  const reduced = new Set(axes)
  const kept = shape.map((size, axis) => (reduced.has(axis) ? 1 : size))
  const strides = stridesOf(kept).map((stride, axis) => (reduced.has(axis) ? 0 : stride))
  const count = axes.reduce((product, axis) => product * shape[axis]!, 1)
  const outputShape = keepDims ? kept : shape.filter((_, axis) => !reduced.has(axis))
  return { shape: outputShape, outputCount: checkedCount(call, kept), count, strides }
}

/** The axes a `Reduce*` node names as input or attribute: all of them when it names none, unless it asks for no reduction. */
export function reducedAxes(call: OperatorCall): number[] {
  const rank = tensorInput(call, 0).shape.length
  const axes = integersFromInputOrAttribute(call, 1, 'axes') ?? []
  if (axes.length > 0) return normalizeAxes(call, axes, rank)
  return call.attributes.int('noop_with_empty_axes', 0) ? [] : Array.from({ length: rank }, (_, axis) => axis)
}
