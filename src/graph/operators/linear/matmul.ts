import type { GraphTensor, Operator, OperatorCall } from '../../operator.ts'
import { checkShape, tensorInput } from '../../operator.ts'
import { numbersOf, outputTensor, tensorFromNumbers } from '../support/index.ts'
import { multiplyBatched, type ProductPlan, planProduct } from './batched.ts'
import { isWrapping, multiplyIntegers } from './integer-product.ts'

/** Products of matrices over broadcast leading axes. */
const matMul: Operator = {
  domain: '',
  name: 'MatMul',
  run(call) {
    const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
    checkShape(a.dtype === b.dtype, call, `operands of types ${a.dtype} and ${b.dtype}`)
    const plan = planProduct(call, a.shape, b.shape)
    if (isWrapping(a.dtype)) return [multiplyWrapping(call, plan, a, b)]
    return [tensorFromNumbers(call, a.dtype, plan.shape, multiplyBatched(call, plan, numbersOf(call, a), numbersOf(call, b)))]
  },
}

function multiplyWrapping(
  call: OperatorCall,
  { shape, m, k, n, aOffsets, bOffsets }: ProductPlan,
  a: GraphTensor,
  b: GraphTensor,
): GraphTensor {
  const output = outputTensor(call, a.dtype, shape)
  for (let index = 0; index < aOffsets.length; index++) {
    const left = { data: a.data, offset: aOffsets[index]!, rowStride: k, columnStride: 1 }
    const right = { data: b.data, offset: bOffsets[index]!, rowStride: n, columnStride: 1 }
    multiplyIntegers(output.data, index * m * n, left, right, m, k, n)
  }
  return output
}

export const matMulOperators: readonly Operator[] = [matMul]
