import { type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../operator.ts'
import { apply, finish, windowAttributes } from './fused.ts'
import { broadcastStrides, checkStretches, forEachRow, numbersOf, stridesOf, tensorFromNumbers } from './support/index.ts'

/**
 * Whole sums times both scales (operands 4 and 6), plus the bias (operand 2). Numbers per output lie along the last axis of
 * the sums, before `pixels` axes of an image.
 */
async function scaled(call: OperatorCall, sums: GraphTensor, pixels: number): Promise<GraphTensor> {
  const { shape } = sums
  const y = numbersOf(call, sums)
  const multiply = (scale: GraphTensor, own: readonly number[]): void => {
    const values = numbersOf(call, scale)
    checkStretches(call, own, shape)
    forEachRow(shape, [stridesOf(shape), broadcastStrides(own, shape)], (offsets, length, steps) => {
      for (let i = 0; i < length; i++) y[offsets[0]! + i * steps[0]!]! *= values[offsets[1]! + i * steps[1]!]!
    })
  }
  const perOutput = ({ data }: GraphTensor): readonly number[] => [data.length, ...new Array<number>(pixels).fill(1)]
  const [xScale, weightScale, bias] = [tensorInput(call, 4), tensorInput(call, 6), optionalTensor(call, 2)]
  multiply(xScale, xScale.data.length === 1 ? [] : [...xScale.shape, 1])
  multiply(weightScale, weightScale.data.length === 1 ? [] : perOutput(weightScale))
  const product = tensorFromNumbers(call, 'f32', shape, y)
  if (!bias) return product
  return apply(call, 'Add', [product, pixels > 0 ? { ...bias, shape: perOutput(bias) } : bias], {})
}

/** A product of 8-bit codes as floats, with a bias, a residual and an activation; made by rules. */
const quantisedLinear: Operator = {
  domain: 'hence',
  name: 'QuantisedLinear',
  run: async call => {
    let weight = tensorInput(call, 1)
    if (call.attributes.int('transB', 0) === 1) weight = await apply(call, 'Transpose', [weight], {})
    const sums = await apply(call, 'MatMulInteger', [call.inputs[0], weight, call.inputs[5], call.inputs[7]], {})
    return finish(call, await scaled(call, sums, 0))
  },
}

/** A convolution of 8-bit codes as floats, with a bias, a residual and an activation; made by rules. */
const quantisedConv: Operator = {
  domain: 'hence',
  name: 'QuantisedConv',
  run: async call => {
    const sums = await apply(call, 'ConvInteger', [call.inputs[0], call.inputs[1], call.inputs[5], call.inputs[7]], windowAttributes(call))
    return finish(call, await scaled(call, sums, sums.shape.length - 2))
  },
}

/** What rules make of products of quantised values, defined by the operators it stands for. */
export const fusedQuantisedOperators: readonly Operator[] = [quantisedConv, quantisedLinear]
