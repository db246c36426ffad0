import { type Operator, tensorInput, unsupportedVariant } from '../../operator.ts'
import {
  forEachRow,
  normalizeAxes,
  normalizeAxis,
  numbersOf,
  planReduction,
  stridesOf,
  tensorFromNumbers,
  workNumbers,
} from '../support/index.ts'

/** x / ‖x‖ along an axis; 0 where the norm is 0. */
const lpNormalization: Operator = {
  domain: '',
  name: 'LpNormalization',
  run: call => {
    const input = tensorInput(call, 0)
    const p = call.attributes.int('p', 2)
    if (p !== 1 && p !== 2) throw unsupportedVariant(call, `p ${p}`)
    const axis = normalizeAxis(call, call.attributes.int('axis', -1), input.shape.length)
    const plan = planReduction(call, input.shape, [axis], true)
    const values = numbersOf(call, input)
    const norms = workNumbers(call, plan.outputCount)
    const strides = [stridesOf(input.shape), plan.strides]
    forEachRow(input.shape, strides, (offsets, length, steps) => {
      for (let index = 0; index < length; index++) {
        const x = values[offsets[0]! + index]!
        norms[offsets[1]! + index * steps[1]!]! += p === 1 ? Math.abs(x) : x * x
      }
    })
    forEachRow(input.shape, strides, (offsets, length, steps) => {
      for (let index = 0; index < length; index++) {
        const sum = norms[offsets[1]! + index * steps[1]!]!
        values[offsets[0]! + index] = sum === 0 ? 0 : values[offsets[0]! + index]! / (p === 1 ? sum : Math.sqrt(sum))
      }
    })
    return [tensorFromNumbers(call, input.dtype, input.shape, values)]
  },
}

/** Added to the deviation by the operator's own definition. */
const DEVIATION_EPSILON = 1e-9

/** (x − mean) / deviation over `axes`. */
const meanVarianceNormalization: Operator = {
  domain: '',
  name: 'MeanVarianceNormalization',
  run: call => {
    const input = tensorInput(call, 0)
    const axes = normalizeAxes(call, call.attributes.ints('axes', [0, 2, 3]), input.shape.length)
    const plan = planReduction(call, input.shape, axes, true)
    const values = numbersOf(call, input)
    const means = workNumbers(call, plan.outputCount)
    const squares = workNumbers(call, plan.outputCount)
    const strides = [stridesOf(input.shape), plan.strides]
    const walk = (visit: (element: number, group: number) => void): void =>
      forEachRow(input.shape, strides, (offsets, length, steps) => {
        for (let index = 0; index < length; index++) visit(offsets[0]! + index, offsets[1]! + index * steps[1]!)
      })
    walk((element, group) => {
      means[group]! += values[element]! / plan.count
    })
    walk((element, group) => {
      squares[group]! += (values[element]! - means[group]!) ** 2 / plan.count
    })
    walk((element, group) => {
      values[element] = (values[element]! - means[group]!) / (Math.sqrt(squares[group]!) + DEVIATION_EPSILON)
    })
    return [tensorFromNumbers(call, input.dtype, input.shape, values)]
  },
}

/** Normalizations by norms and moments over axes. */
export const moments: readonly Operator[] = [lpNormalization, meanVarianceNormalization]
