import type { GraphTensor, Operator, OperatorCall } from '../../operator.ts'
import { checkShape, optionalTensor, tensorInput } from '../../operator.ts'
import {
  broadcastStrides,
  checkedCount,
  checkStretches,
  numbersOf,
  outputTensor,
  showShape,
  tensorFromNumbers,
  workNumbers,
} from '../support/index.ts'
import { isWrapping, multiplyIntegers } from './integer-product.ts'
import { denseMatrix, multiplyAdd, transposed } from './matrix.ts'

/** Sizes and transpositions of alpha · A' · B' + beta · C. */
export interface GemmPlan {
  readonly transA: boolean
  readonly transB: boolean
  readonly alpha: number
  readonly beta: number
  readonly m: number
  readonly k: number
  readonly n: number
}

/** Reads and checks the attributes of Gemm. @throws HenceError `SHAPE_MISMATCH` */
export function planGemm(call: OperatorCall, a: GraphTensor, b: GraphTensor): GemmPlan {
  checkShape(
    a.shape.length === 2 && b.shape.length === 2,
    call,
    `operands must be matrices, are ${showShape(a.shape)} and ${showShape(b.shape)}`,
  )
  const transA = call.attributes.int('transA', 0) !== 0
  const transB = call.attributes.int('transB', 0) !== 0
  const [m, k] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!]
  const [rows, n] = transB ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!]
  checkShape(rows === k, call, `${k} columns of A meet ${rows} rows of B`, { a: a.shape, b: b.shape })
  checkedCount(call, [m, n])
  return { transA, transB, alpha: call.attributes.float('alpha', 1), beta: call.attributes.float('beta', 1), m, k, n }
}

/** alpha · A' · B' + beta · C in doubles, dense m×n. @throws HenceError `SHAPE_MISMATCH` when C does not stretch to m×n */
export function computeGemm(
  call: OperatorCall,
  { transA, transB, alpha, beta, m, k, n }: GemmPlan,
  a: GraphTensor,
  b: GraphTensor,
  c: GraphTensor | undefined,
): Float64Array<ArrayBuffer> {
  const output = workNumbers(call, m * n)
  const left = denseMatrix(numbersOf(call, a), a.shape[1]!)
  const right = denseMatrix(numbersOf(call, b), b.shape[1]!)
  multiplyAdd(denseMatrix(output, n), transA ? transposed(left) : left, transB ? transposed(right) : right, m, k, n)
  if (alpha !== 1) for (let index = 0; index < output.length; index++) output[index]! *= alpha
  if (c && beta !== 0) {
    checkStretches(call, c.shape, [m, n])
    const [rowStride, columnStride] = broadcastStrides(c.shape, [m, n])
    const values = numbersOf(call, c)
    for (let row = 0, index = 0; row < m; row++)
      for (let column = 0; column < n; column++) output[index++]! += beta * values[row * rowStride! + column * columnStride!]!
  }
  return output
}

const gemm: Operator = {
  domain: '',
  name: 'Gemm',
  run(call) {
    const [a, b, c] = [tensorInput(call, 0), tensorInput(call, 1), optionalTensor(call, 2)]
    checkShape(a.dtype === b.dtype && (!c || c.dtype === a.dtype), call, `operands of types ${a.dtype}, ${b.dtype} and ${c?.dtype}`)
    const plan = planGemm(call, a, b)
    if (isWrapping(a.dtype) && plan.alpha === 1 && (plan.beta === 1 || !c)) return [addIntegers(call, plan, a, b, c)]
    return [tensorFromNumbers(call, a.dtype, [plan.m, plan.n], computeGemm(call, plan, a, b, c))]
  },
}

/** The exact product, modulo 2³² or 2⁶⁴, where nothing is scaled. */
function addIntegers(call: OperatorCall, plan: GemmPlan, a: GraphTensor, b: GraphTensor, c: GraphTensor | undefined): GraphTensor {
  const { transA, transB, m, k, n } = plan
  const output = outputTensor(call, a.dtype, [m, n])
  const left = { data: a.data, offset: 0, rowStride: transA ? 1 : k, columnStride: transA ? m : 1 }
  const right = { data: b.data, offset: 0, rowStride: transB ? 1 : n, columnStride: transB ? k : 1 }
  multiplyIntegers(output.data, 0, left, right, m, k, n)
  if (c) {
    checkStretches(call, c.shape, [m, n])
    const [rowStride, columnStride] = broadcastStrides(c.shape, [m, n])
    // Typed arrays wrap what is stored in them.
    const sums = output.data as unknown as { [index: number]: number }
    const values = c.data as unknown as { [index: number]: number }
    for (let row = 0, index = 0; row < m; row++)
      for (let column = 0; column < n; column++) sums[index++]! += values[row * rowStride! + column * columnStride!]!
  }
  return output
}

export const gemmOperators: readonly Operator[] = [gemm]
