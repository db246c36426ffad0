import { HenceError } from '../../../core/index.ts'
import { checkShape, type OperatorCall } from '../../operator.ts'

/** Elements between neighbours along each axis of a dense row-major array. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]!
  }
  return strides
}

/** True when both shapes have the same sizes. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}

/** How messages print a shape. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`
}

/** The axis counted from the front. @throws HenceError `SHAPE_MISMATCH` outside -rank..rank-1 */
export function normalizeAxis(call: OperatorCall, axis: number, rank: number): number {
  checkShape(Number.isInteger(axis) && axis >= -rank && axis < rank, call, `axis ${axis} is outside a tensor of rank ${rank}`, {
    axis,
    rank,
  })
  return axis < 0 ? axis + rank : axis
}

/** Distinct axes counted from the front, in the order given. @throws HenceError `SHAPE_MISMATCH` out of range or repeated */
export function normalizeAxes(call: OperatorCall, axes: readonly number[], rank: number): number[] {
  const normal = axes.map(axis => normalizeAxis(call, axis, rank))
  checkShape(new Set(normal).size === normal.length, call, `axes ${showShape(axes)} name one axis twice`, { axes, rank })
  return normal
}

/** The shape all of `shapes` stretch to by the rules of multidirectional broadcasting. @throws HenceError `SHAPE_MISMATCH` */
export function broadcastShapes(call: OperatorCall, ...shapes: readonly (readonly number[])[]): number[] {
  const rank = shapes.reduce((longest, shape) => Math.max(longest, shape.length), 0)
  const result = new Array<number>(rank).fill(1)
  for (const shape of shapes) {
    const lead = rank - shape.length
    for (let axis = 0; axis < shape.length; axis++) {
      const size = shape[axis]!
      const other = result[lead + axis]!
      if (size === other || size === 1) continue
      if (other !== 1) {
        const all = shapes.map(showShape).join(' and ')
        throw new HenceError('SHAPE_MISMATCH', `${call.node}: shapes ${all} do not broadcast together`, { node: call.node, shapes })
      }
      result[lead + axis] = size
    }
  }
  return result
}

/**
 * Strides that walk a dense array of `shape` as if it had the shape `target`: 0 along stretched axes.
 *
 * @param target - a shape that `shape` broadcasts to
 */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const own = stridesOf(shape)
  const lead = target.length - shape.length
  return target.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : own[axis - lead]!))
}

/** Throws `SHAPE_MISMATCH` unless `shape` broadcasts to `target` without stretching `target` (unidirectional). */
export function checkStretches(call: OperatorCall, shape: readonly number[], target: readonly number[]): void {
  const lead = target.length - shape.length
  const fits = lead >= 0 && shape.every((size, axis) => size === 1 || size === target[lead + axis])
  checkShape(fits, call, `shape ${showShape(shape)} does not broadcast to ${showShape(target)}`, { shape, target })
}
