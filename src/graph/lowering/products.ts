import { elementCount } from '../../core/index.ts'
import type { Buffer } from '../../program/index.ts'
import { fusedActivation } from './activation.ts'
import type { Lowering, LoweringContext } from './context.ts'
import { broadcast } from './elementwise.ts'

/** x `[.., K]` times a known matrix, `[K, N]` or `[N, K]`: rows of all leading axes meet one packed weight. */
function linear(context: LoweringContext, isTransposed: boolean, bias: Buffer | undefined): boolean {
  const [a, b] = [context.type(0), context.type(1)]
  if (!a || !b || !context.isFloat(0) || !context.known(1) || !context.isFloat(1) || b.shape.length !== 2 || a.shape.length === 0)
    return false
  const [n, k] = (isTransposed ? b.shape : [...b.shape].reverse()) as [number, number]
  if (a.shape.at(-1) !== k || elementCount(a.shape) === 0 || n === 0) return false
  const shape = productShape(context, n)
  const residualType = context.type(3)
  if (residualType && residualType.shape.join() !== shape.join()) return false
  const rows = elementCount(a.shape) / k
  const residual = residualType && context.plainAs(3, [rows, n])
  const weight = context.weight(1, [n, k], !isTransposed)
  const y = context.segment.emit('matmul', context.node.name, [context.plainAs(0, [rows, k]), undefined, residual, weight, bias], {
    activation: fusedActivation(context.attributes),
    residual: context.attributes.int('residual_first', 0) === 1 ? 'before_activation' : 'after_activation',
  })
  return context.define(context.segment.builder.view(y, shape), shape)
}

/** The shape of operand 0 with `n` columns; a bias with more axes, all but the last of size 1, adds them in front. */
export function productShape(context: LoweringContext, n: number): number[] {
  const { shape } = context.type(0)!
  const added = Math.max(0, (context.has(2) ? context.type(2)!.shape.length : 0) - shape.length)
  return [...new Array<number>(added).fill(1), ...shape.slice(0, -1), n]
}

/** The addend as a number per column; `undefined` where there is none, `false` where it is something else. */
function biasOf(context: LoweringContext, n: number): Buffer | undefined | false {
  if (!context.has(2)) return undefined
  const tensor = context.known(2)
  if (!tensor || !context.isFloat(2) || tensor.shape.at(-1) !== n || elementCount(tensor.shape) !== n) return false
  return context.segment.constant(context.key(2), tensor, 'f32', [n])
}

const matMul: Lowering = context => linear(context, false, undefined) || batched(context)

/** Two values of the program multiplied as stacks of matrices. */
function batched(context: LoweringContext): boolean {
  const [a, b] = [context.type(0), context.type(1)]
  if (!a || !b || a.dtype !== b.dtype || !context.isFloat(0) || a.dtype === 'bool') return false
  if (a.shape.length < 2 || b.shape.length < 2 || elementCount(a.shape) === 0 || elementCount(b.shape) === 0) return false
  const batch = broadcast([a.shape.slice(0, -2), b.shape.slice(0, -2)])
  if (!batch || a.shape.at(-1) !== b.shape.at(-2)) return false
  const y = context.segment.emit('batched_matmul', context.node.name, [context.plain(0), context.plain(1)], {})
  return context.define(y, [...batch, a.shape.at(-2)!, b.shape.at(-1)!])
}

/** `Gemm` with a known matrix, unit factors and a bias row; `hence.Linear` with a residual and an activation too. */
const gemm: Lowering = context => {
  const { attributes } = context
  const weight = context.type(1)
  if (!weight || attributes.int('transA', 0) !== 0 || attributes.float('alpha', 1) !== 1 || attributes.float('beta', 1) !== 1) return false
  const isTransposed = attributes.int('transB', 0) !== 0
  const bias = biasOf(context, weight.shape[isTransposed ? 0 : 1] ?? 0)
  return bias !== false && linear(context, isTransposed, bias)
}

/** Matrix products by operator name. */
export const PRODUCTS: Readonly<Record<string, Lowering>> = { MatMul: matMul, Gemm: gemm, 'hence.Linear': gemm }
