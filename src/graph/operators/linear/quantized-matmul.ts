import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { broadcastStrides, checkStretches, forEachRow, numbersOf, roundHalfEven, stridesOf, tensorFromNumbers } from '../support/index.ts'
import { multiplyBatched, planProduct } from './batched.ts'
import { centeredNumbers, type ParameterAxis, parameterShape, quantizedTensor } from './quantized.ts'

/** Products of 8-bit integers less their zero points, modulo 2³². */
const matMulInteger: Operator = {
  domain: '',
  name: 'MatMulInteger',
  run(call) {
    const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
    const plan = planProduct(call, a.shape, b.shape)
    const left = centeredNumbers(call, a, optionalTensor(call, 2), -2)
    const right = centeredNumbers(call, b, optionalTensor(call, 3), -1)
    return [tensorFromNumbers(call, 'i32', plan.shape, multiplyBatched(call, plan, left, right))]
  },
}

/** A product of quantized matrices, requantized. */
const qLinearMatMul: Operator = {
  domain: '',
  name: 'QLinearMatMul',
  run(call) {
    const [a, aScale, aZero] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
    const [b, bScale, bZero] = [tensorInput(call, 3), tensorInput(call, 4), tensorInput(call, 5)]
    const [yScale, yZero] = [tensorInput(call, 6), tensorInput(call, 7)]
    const plan = planProduct(call, a.shape, b.shape)
    const values = multiplyBatched(call, plan, centeredNumbers(call, a, aZero, -2), centeredNumbers(call, b, bZero, -1))
    const full = [...plan.batch, plan.m, plan.n]
    const yAxis: ParameterAxis = yScale.shape.length === 1 && yScale.shape[0] === plan.m ? -2 : -1
    checkShape(yZero.shape.length === yScale.shape.length || yZero.data.length === 1, call, 'scale and zero point of y differ in shape')
    const zeros = numbersOf(call, yZero)
    rescale(full, values, [operand(call, aScale, -2, full), operand(call, bScale, -1, full)], operand(call, yScale, yAxis, full))
    if (zeros.length > 1) {
      const { strides } = operand(call, yZero, yAxis, full)
      forEachRow(full, [stridesOf(full), strides], (offsets, length, steps) => {
        for (let i = 0; i < length; i++)
          values[offsets[0]! + i * steps[0]!] = roundHalfEven(values[offsets[0]! + i * steps[0]!]!) + zeros[offsets[1]! + i * steps[1]!]!
      })
    }
    return [quantizedTensor(call, yZero.dtype, plan.shape, values, zeros.length > 1 ? 0 : zeros[0]!)]
  },
}

interface Parameter {
  readonly values: Float64Array
  readonly strides: readonly number[]
}

function operand(call: OperatorCall, parameter: GraphTensor, axis: ParameterAxis, full: readonly number[]): Parameter {
  const shape = parameterShape(parameter, axis)
  checkStretches(call, shape, full)
  return { values: numbersOf(call, parameter), strides: broadcastStrides(shape, full) }
}

/** `values · (a · b / y)`, scales broadcast; rounded to f32 after each step, as ONNX Runtime does, so that ties fall the same way. */
function rescale(full: readonly number[], values: Float64Array, [a, b]: [Parameter, Parameter], y: Parameter): void {
  forEachRow(full, [stridesOf(full), a.strides, b.strides, y.strides], (offsets, length, steps) => {
    const [at, aAt, bAt, yAt] = [offsets[0]!, offsets[1]!, offsets[2]!, offsets[3]!]
    for (let i = 0; i < length; i++) {
      const product = Math.fround(a.values[aAt + i * steps[1]!]! * b.values[bAt + i * steps[2]!]!)
      const factor = Math.fround(product / y.values[yAt + i * steps[3]!]!)
      values[at + i * steps[0]!] = Math.fround(Math.fround(values[at + i * steps[0]!]!) * factor)
    }
  })
}

export const quantizedMatMulOperators: readonly Operator[] = [matMulInteger, qLinearMatMul]
