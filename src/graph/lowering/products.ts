import { elementCount } from '../../core/index.ts'
import type { Buffer } from '../../program/index.ts'
import type { Lowering, LoweringContext } from './context.ts'

/** x `[.., K]` times a known matrix `[K, N]`: rows of all leading axes meet one packed weight. */
const matMul: Lowering = context => {
  const [a, b] = [context.type(0), context.type(1)]
  if (!a || !b || !context.isFloat(0) || !context.known(1) || !context.isFloat(1) || b.shape.length !== 2 || a.shape.length === 0)
    return false
  const [k, n] = b.shape as [number, number]
  if (a.shape.at(-1) !== k || elementCount(a.shape) === 0 || n === 0) return false
  const weight = context.weight(1, [n, k], true)
  const y = product(context, weight, undefined, k)
  const shape = [...a.shape.slice(0, -1), n]
  return context.define(context.segment.builder.view(y, shape), shape)
}

function product(context: LoweringContext, weight: Buffer, bias: Buffer | undefined, k: number): Buffer {
  const x = context.plainAs(0, [elementCount(context.type(0)!.shape) / k, k])
  return context.segment.emit('matmul', context.node.name, [x, undefined, undefined, weight, bias], {})
}

/** `Gemm` with a known matrix, unit factors and a bias row. */
const gemm: Lowering = context => {
  const { attributes } = context
  const [a, b] = [context.type(0), context.type(1)]
  if (!a || !b || a.dtype !== 'f32' || !context.known(1) || attributes.int('transA', 0) !== 0) return false
  if (attributes.float('alpha', 1) !== 1 || attributes.float('beta', 1) !== 1) return false
  const isTransposed = attributes.int('transB', 0) !== 0
  const [n, k] = (isTransposed ? b.shape : [...b.shape].reverse()) as [number, number]
  if (a.shape.length !== 2 || a.shape[1] !== k || elementCount(a.shape) === 0 || n === 0) return false
  const c = context.type(2)
  const isRow = c && context.known(2) && c.shape.at(-1) === n && elementCount(c.shape) === n
  if (c && !isRow) return false
  const bias = c && context.segment.constant(context.key(2), context.known(2)!, 'f32', [n])
  const y = product(context, context.weight(1, [n, k], !isTransposed), bias, k)
  return context.define(y, [a.shape[0]!, n])
}

/** Matrix products by operator name. */
export const PRODUCTS: Readonly<Record<string, Lowering>> = { MatMul: matMul, Gemm: gemm }
