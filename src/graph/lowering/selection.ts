import { elementCount } from '../../core/index.ts'
import { onnxElementType } from '../../formats/index.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { isComputedInF32, isHeldWhole } from './storage.ts'

/** `Cast` between element types that are all computed in f32 and lose nothing there, and between f32 and whole numbers. */
const cast: Lowering = context => {
  const type = context.type(0)
  const target = onnxElementType(context.attributes.int('to', 0))?.dtype
  if (!type || !target || !(isComputedInF32(type.dtype) || isHeldWhole(type.dtype) || type.dtype === 'i64')) return false
  // A value of the host is converted there; truth values need a comparison, narrower floats a rounding.
  const widens = target === type.dtype || target === 'f32' || (type.dtype === 'f32' && target === 'i32')
  if (!widens || !context.isUnderWay) return false
  if (!context.segment.values.has(context.node.inputs[0]!)) return target === 'f32' && context.passOn()
  return context.defineMap([0], type.shape, ([x]) => x!, target)
}

/** Slices by index; rows of a known table, as in embeddings, are looked up where they are packed. */
const gather: Lowering = context => {
  const [table, ids] = [context.type(0), context.type(1)]
  if (!table || !ids) return false
  if (!context.known(0)) return slices(context)
  if (context.attributes.int('axis', 0) !== 0 || table.shape.length !== 2) return false
  if (table.dtype !== 'f32' || (ids.dtype !== 'i64' && ids.dtype !== 'i32')) return false
  const [rows, width] = table.shape as [number, number]
  const indices = rows > 0 && width > 0 && elementCount(ids.shape) > 0 ? context.rowIndices(1, rows) : undefined
  if (!indices) return false
  const y = context.segment.emit('gather', context.node.name, [context.weight(0, [rows, width]), indices], {})
  const shape = [...ids.shape, width]
  return context.define(context.segment.builder.view(y, shape), shape)
}

/** Slices of a computed value. */
function slices(context: LoweringContext): boolean {
  const [type, ids] = [context.type(0)!, context.type(1)!]
  if (!context.isUnderWay || !isComputedInF32(type.dtype) || elementCount(ids.shape) === 0 || elementCount(type.shape) === 0) return false
  if (ids.dtype !== 'i64' && ids.dtype !== 'i32') return false
  const axis = context.attributes.int('axis', 0)
  const at = axis < 0 ? axis + type.shape.length : axis
  if (at < 0 || at >= type.shape.length) return false
  const x = context.plain(0)
  if (x.role === 'constant') return false
  const indices = context.rowIndices(1, type.shape[at]!)
  if (!indices) return false
  const shape = [...type.shape.slice(0, at), ...ids.shape, ...type.shape.slice(at + 1)]
  const y = context.segment.emit('take', context.node.name, [x, indices], { axis: at })
  return context.define(context.segment.builder.view(y, shape), shape)
}

/** Conversions and lookups by operator name. */
export const SELECTION: Readonly<Record<string, Lowering>> = { Cast: cast, Gather: gather }
