import { elementCount } from '../../core/index.ts'
import type { Buffer } from '../../program/index.ts'
import type { Lowering, LoweringContext } from './context.ts'

/** `hence.Attention`: query `[B, Sq, H, D]`, key `[B, Sk, KH, D]`, value `[B, Sk, KH, Dv]`, a mask that is added. */
const attention: Lowering = context => {
  const [query, key, value] = [context.type(0), context.type(1), context.type(2)]
  if (!query || !key || !value || ![0, 1, 2].every(i => context.isFloat(i))) return false
  type Heads = readonly [batch: number, tokens: number, heads: number, width: number]
  if ([query, key, value].some(({ shape }) => shape.length !== 4 || elementCount(shape) === 0)) return false
  const [batch, queries, heads, width] = query.shape as Heads
  const [keyBatch, keys, kvHeads, keyWidth] = key.shape as Heads
  const [valueBatch, valueTokens, valueHeads, valueWidth] = value.shape as Heads
  const agree = keyBatch === batch && valueBatch === batch && valueTokens === keys && valueHeads === kvHeads && keyWidth === width
  if (!agree || heads % kvHeads !== 0) return false
  const mask = maskOf(context, [batch, heads, queries, keys])
  if (mask === false) return false
  const flat = (position: number, tokens: number, columns: number): Buffer => context.plainAs(position, [batch, tokens, columns])
  const operands = [flat(0, queries, heads * width), flat(1, keys, kvHeads * width), flat(2, keys, kvHeads * valueWidth), mask]
  const scale = context.attributes.float('scale', 1)
  const y = context.segment.emit('dense_attention', context.node.name, operands, { heads, kvHeads, scale })
  const shape = [batch, queries, heads, valueWidth]
  return context.define(context.segment.builder.view(y, shape), shape)
}

/** The mask with four axes, each whole or 1; undefined where there is none, false where it does not fit. */
function maskOf(context: LoweringContext, whole: readonly number[]): Buffer | undefined | false {
  if (!context.has(3)) return undefined
  const type = context.type(3)
  if (type?.dtype !== 'f32' || type.shape.length > 4) return false
  const shape = [...new Array<number>(4 - type.shape.length).fill(1), ...type.shape]
  const fits = shape.every((size, axis) => size === whole[axis] || (size === 1 && axis < 3))
  return fits && context.plainAs(3, shape)
}

/** Attention by operator name. */
export const ATTENTION: Readonly<Record<string, Lowering>> = { 'hence.Attention': attention }
