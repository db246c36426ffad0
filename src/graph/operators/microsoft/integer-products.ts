import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { centeredNumbers, multiplyBatched, type ProductPlan, planProduct } from '../linear/index.ts'
import { numbersOf, tensorFromNumbers } from '../support/index.ts'
import { quantizeDynamically } from './dynamic-quantize.ts'

/** Scales the columns of a product and adds a bias. */
function finish(
  call: OperatorCall,
  plan: ProductPlan,
  y: Float64Array<ArrayBuffer>,
  rowScale: Float64Array,
  columnScale: Float64Array,
  bias: GraphTensor | undefined,
): GraphTensor {
  const { m, n } = plan
  checkShape(columnScale.length === 1 || columnScale.length === n, call, `${columnScale.length} scales for ${n} columns`)
  checkShape(rowScale.length === 1 || rowScale.length === m, call, `${rowScale.length} scales for ${m} rows`)
  const added = bias && numbersOf(call, bias)
  checkShape(!added || added.length === n, call, `bias of ${added?.length} for ${n} columns`)
  for (let index = 0; index < y.length; index++) {
    const column = index % n
    const row = Math.floor(index / n) % m
    y[index]! *= rowScale[rowScale.length === 1 ? 0 : row]! * columnScale[columnScale.length === 1 ? 0 : column]!
    if (added) y[index]! += added[column]!
  }
  return tensorFromNumbers(call, 'f32', plan.shape, y)
}

const dynamicQuantizeMatMul: Operator = {
  domain: 'com.microsoft',
  name: 'DynamicQuantizeMatMul',
  run(call) {
    const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
    const plan = planProduct(call, a.shape, b.shape)
    const left = numbersOf(call, a)
    const scale = quantizeDynamically(left)
    const y = multiplyBatched(call, plan, left, centeredNumbers(call, b, optionalTensor(call, 3)))
    return [finish(call, plan, y, Float64Array.of(scale), numbersOf(call, tensorInput(call, 2)), optionalTensor(call, 4))]
  },
}

const matMulIntegerToFloat: Operator = {
  domain: 'com.microsoft',
  name: 'MatMulIntegerToFloat',
  run(call) {
    const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
    const plan = planProduct(call, a.shape, b.shape)
    const y = multiplyBatched(
      call,
      plan,
      centeredNumbers(call, a, optionalTensor(call, 4), -2),
      centeredNumbers(call, b, optionalTensor(call, 5)),
    )
    return [finish(call, plan, y, numbersOf(call, tensorInput(call, 2)), numbersOf(call, tensorInput(call, 3)), optionalTensor(call, 6))]
  },
}

export const integerProductOperators: readonly Operator[] = [dynamicQuantizeMatMul, matMulIntegerToFloat]
