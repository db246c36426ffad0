import { type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../operator.ts'
import { apply, finish, windowAttributes } from './fused.ts'
import { broadcastStrides, checkStretches, forEachRow, numbersOf, stridesOf, tensorFromNumbers } from './support/index.ts'

/**
 * Whole sums times both scales (operands 4 and 6), plus the bias (operand 2). The scales and the bias of the outputs lie
 * along the second axis of a convolution's result and along the last one of a product's.
 */
function scaled(call: OperatorCall, sums: GraphTensor, isConvolution: boolean): GraphTensor {
  const { shape } = sums
  const y = numbersOf(call, sums)
  const perOutput = (tensor: GraphTensor): readonly number[] =>
    tensor.data.length === 1 ? [] : isConvolution ? [tensor.data.length, ...shape.slice(2).map(() => 1)] : [tensor.data.length]
  const spread = (tensor: GraphTensor, own: readonly number[], combine: (sum: number, value: number) => number): void => {
    const values = numbersOf(call, tensor)
    checkStretches(call, own, shape)
    forEachRow(shape, [stridesOf(shape), broadcastStrides(own, shape)], (offsets, length, steps) => {
      const [at, from] = [offsets[0]!, offsets[1]!]
      for (let i = 0; i < length; i++) y[at + i * steps[0]!] = combine(y[at + i * steps[0]!]!, values[from + i * steps[1]!]!)
    })
  }
  const [xScale, weightScale, bias] = [tensorInput(call, 4), tensorInput(call, 6), optionalTensor(call, 2)]
  spread(xScale, xScale.data.length === 1 ? [] : [...xScale.shape, 1], (sum, scale) => sum * scale)
  spread(weightScale, perOutput(weightScale), (sum, scale) => sum * scale)
  if (bias) spread(bias, perOutput(bias), (sum, value) => sum + value)
  return tensorFromNumbers(call, 'f32', shape, y)
}

/** A product of 8-bit codes as floats, with a bias, a residual and an activation; made by rules. */
const quantisedLinear: Operator = {
  domain: 'hence',
  name: 'QuantisedLinear',
  run: async call => {
    let weight = tensorInput(call, 1)
    if (call.attributes.int('transB', 0) === 1) weight = await apply(call, 'Transpose', [weight], {})
    const sums = await apply(call, 'MatMulInteger', [call.inputs[0], weight, call.inputs[5], call.inputs[7]], {})
    return finish(call, scaled(call, sums, false))
  },
}

/** A convolution of 8-bit codes as floats, with a bias, a residual and an activation; made by rules. */
const quantisedConv: Operator = {
  domain: 'hence',
  name: 'QuantisedConv',
  run: async call => {
    const sums = await apply(call, 'ConvInteger', [call.inputs[0], call.inputs[1], call.inputs[5], call.inputs[7]], windowAttributes(call))
    return finish(call, scaled(call, sums, true))
  },
}

/** What rules make of products of quantised values, defined by the operators it stands for. */
export const fusedQuantisedOperators: readonly Operator[] = [quantisedConv, quantisedLinear]
