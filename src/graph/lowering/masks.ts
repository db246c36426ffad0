import { elementCount } from '../../core/index.ts'
import type { MapExpression } from '../../program/index.ts'
import { integerInput } from '../operators/support/index.ts'
import type { Lowering } from './context.ts'
import { LARGE } from './integers.ts'
import { knownCall } from './known-call.ts'
import { isComputedInF32, toFloat32 } from './storage.ts'

/** Numbers of a mask that a program may carry. */
const LARGEST_MASK = 1 << 22

/** The part of each matrix above or below a diagonal. */
const trilu: Lowering = context => {
  const type = context.type(0)
  if (!type || !context.isFloat(0) || type.shape.length < 2 || elementCount(type.shape) === 0) return false
  if (context.has(1) && !context.known(1)) return false
  const [rows, columns] = type.shape.slice(-2) as [number, number]
  if (rows * columns > LARGEST_MASK) return false
  const k = context.has(1) ? integerInput(knownCall(context), 1, 'k') : 0
  const isUpper = context.attributes.int('upper', 1) !== 0
  const data = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const diagonal = Math.min(Math.max(row + k, -1), columns)
    data.fill(
      1,
      row * columns + (isUpper ? Math.max(diagonal, 0) : 0),
      row * columns + (isUpper ? columns : Math.min(diagonal + 1, columns)),
    )
  }
  const { segment, node } = context
  const mask = segment.constant(`${isUpper ? 'upper' : 'lower'} part from ${k}`, { dtype: 'f32', shape: [rows, columns], data }, 'f32')
  const expression: MapExpression = ['where', { input: 1 }, { input: 0 }, { constant: 0 }]
  return context.define(segment.emit('map', node.name, [context.plain(0), mask], { expression }), type.shape)
}

/** Whole numbers as vectors with one value at their place and another elsewhere. */
const oneHot: Lowering = context => {
  const [type, values] = [context.type(0), context.known(2)]
  if (!type || (type.dtype !== 'i32' && type.dtype !== 'i64') || !values || !isComputedInF32(values.dtype) || !context.known(1))
    return false
  const depth = Number(context.known(1)!.data[0])
  const given = context.attributes.int('axis', -1)
  const rank = type.shape.length + 1
  const axis = given < 0 ? given + rank : given
  if (!(depth >= 1 && depth <= LARGEST_MASK) || axis < 0 || axis >= rank || elementCount(values.shape) !== 2) return false
  const shape = type.shape.toSpliced(axis, 0, depth)
  const isPending = context.segment.values.has(context.node.inputs[0]!)
  if (elementCount(shape) < (isPending ? 1 : LARGE)) return false
  const { segment, node } = context
  const indices = context.plainAs(0, type.shape.toSpliced(axis, 0, 1))
  const places = [depth, ...new Array<number>(rank - 1 - axis).fill(1)]
  const range = segment.constant(
    `0..${depth}`,
    { dtype: 'f32', shape: places, data: Float32Array.from({ length: depth }, (_, i) => i) },
    'f32',
  )
  const [off, on] = toFloat32(values) as unknown as [number, number]
  const index: MapExpression = { input: 0 }
  const place: MapExpression = ['where', ['less', index, { constant: 0 }], ['add', index, { constant: depth }], index]
  const expression: MapExpression = ['where', ['equal', place, { input: 1 }], { constant: on }, { constant: off }]
  return context.define(segment.emit('map', node.name, [indices, range], { expression }), shape, 'plain', 0, values.dtype)
}

/** Operators that keep or set numbers by their place, by name. */
export const MASKS: Readonly<Record<string, Lowering>> = { OneHot: oneHot, Trilu: trilu }
