import { elementCount } from '../../core/index.ts'
import { onnxElementType } from '../../formats/index.ts'
import type { Lowering } from './context.ts'
import { isComputedInF32, isHeldWhole } from './storage.ts'

/** `Cast` between element types that are all computed in f32 and lose nothing there, and between f32 and whole numbers. */
const cast: Lowering = context => {
  const type = context.type(0)
  const target = onnxElementType(context.attributes.int('to', 0))?.dtype
  if (!type || !target || !(isComputedInF32(type.dtype) || isHeldWhole(type.dtype) || type.dtype === 'i64')) return false
  // A value of the host is converted there; truth values need a comparison, narrower floats a rounding.
  const widens = target === type.dtype || target === 'f32' || (type.dtype === 'f32' && target === 'i32')
  if (!widens || !context.segment.values.has(context.node.inputs[0]!)) return false
  return context.defineMap([0], type.shape, ([x]) => x!, target)
}

/** Rows of a known table by index, as in embeddings. */
const gather: Lowering = context => {
  const [table, ids] = [context.type(0), context.type(1)]
  if (!table || !ids || context.attributes.int('axis', 0) !== 0 || table.shape.length !== 2) return false
  if (!context.known(0) || table.dtype !== 'f32' || (ids.dtype !== 'i64' && ids.dtype !== 'i32')) return false
  const [rows, width] = table.shape as [number, number]
  const indices = rows > 0 && width > 0 && elementCount(ids.shape) > 0 ? context.rowIndices(1, rows) : undefined
  if (!indices) return false
  const y = context.segment.emit('gather', context.node.name, [context.weight(0, [rows, width]), indices], {})
  const shape = [...ids.shape, width]
  return context.define(context.segment.builder.view(y, shape), shape)
}

/** Conversions and lookups by operator name. */
export const SELECTION: Readonly<Record<string, Lowering>> = { Cast: cast, Gather: gather }
