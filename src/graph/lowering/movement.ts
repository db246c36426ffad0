import { elementCount } from '../../core/index.ts'
import type { Lowering } from './context.ts'

/** Same numbers, another shape: no instruction, unless channels have to come back to the second axis. */
function reshape(shapeOf: (context: Parameters<Lowering>[0], shape: readonly number[]) => readonly number[] | undefined): Lowering {
  return context => {
    if (!context.isUnderWay) return false
    const from = context.type(0)!.shape
    const shape = shapeOf(context, from)
    if (!shape || elementCount(shape) !== elementCount(from)) return false
    if (shape.length === from.length && shape.every((size, axis) => size === from[axis])) return context.passOn()
    return context.define(context.segment.builder.view(context.plain(0), shape), shape)
  }
}

const reshapeTo = reshape((context, from) => {
  const wanted = context.node.version < 5 ? [...context.attributes.ints('shape')] : context.knownInts(1)
  if (!wanted) return undefined
  const keepsZero = context.attributes.int('allowzero', 0) === 0
  const shape = wanted.map((size, axis) => (size === 0 && keepsZero ? (from[axis] ?? 0) : size))
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1)
  return shape.map(size => (size === -1 ? elementCount(from) / known : size))
})

const flatten = reshape((context, from) => {
  const axis = context.attributes.int('axis', 1)
  const split = axis < 0 ? axis + from.length : axis
  return [elementCount(from.slice(0, split)), elementCount(from.slice(split))]
})

const squeeze = reshape((context, from) => {
  const axes = context.node.version < 13 ? context.attributes.ints('axes', []) : context.has(1) ? context.knownInts(1) : []
  if (!axes) return undefined
  const wanted = new Set(axes.map(axis => (axis < 0 ? axis + from.length : axis)))
  return from.filter((size, axis) => (axes.length === 0 ? size !== 1 : !wanted.has(axis)))
})

const unsqueeze = reshape((context, from) => {
  const axes = context.node.version < 13 ? context.attributes.ints('axes') : context.knownInts(1)
  if (!axes) return undefined
  const rank = from.length + axes.length
  const added = new Set(axes.map(axis => (axis < 0 ? axis + rank : axis)))
  const rest = [...from]
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!))
})

/** Movements of numbers by operator name. */
export const MOVEMENT: Readonly<Record<string, Lowering>> = {
  Reshape: reshapeTo,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
}
