import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { indexTensor, isWide, normalizeAxis, numbersOf, planReduction, workNumbers } from '../support/index.ts'

/** Position of the greatest or least element along an axis; NaN counts as beyond every number. */
function argReduction(name: string, precedes: (a: number | bigint, b: number | bigint) => boolean): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const { attributes } = call
      const input = tensorInput(call, 0)
      const axis = normalizeAxis(call, attributes.int('axis', 0), input.shape.length)
      const isLast = attributes.int('select_last_index', 0) !== 0
      const plan = planReduction(call, input.shape, [axis], attributes.int('keepdims', 1) !== 0)
      const size = input.shape[axis]!
      checkShape(size > 0 || plan.outputCount === 0, call, `axis ${axis} is empty and has no position to name`, { axis })
      const inner = input.shape.slice(axis + 1).reduce((count, length) => count * length, 1)
      const values = comparableOf(call, input)
      const winners = workNumbers(call, plan.outputCount)
      for (let output = 0; output < plan.outputCount; output++) {
        const first = Math.floor(output / inner) * size * inner + (output % inner)
        let best = values[first]!
        let at = 0
        for (let index = 1; index < size; index++) {
          const value = values[first + index * inner]!
          const isNaNFirst = Number.isNaN(value) && !Number.isNaN(best)
          const isTie = value === best || (Number.isNaN(value) && Number.isNaN(best))
          if (isNaNFirst || precedes(value, best) || (isLast && isTie)) {
            best = value
            at = index
          }
        }
        winners[output] = at
      }
      return [indexTensor(call, plan.shape, winners)]
    },
  }
}

/** Elements that `<` compares. */
function comparableOf(call: OperatorCall, input: GraphTensor): ArrayLike<number | bigint> {
  return isWide(input) ? (input.data as ArrayLike<bigint>) : numbersOf(call, input)
}

/** Positions of extremes. */
export const argReductions: readonly Operator[] = [argReduction('ArgMax', (a, b) => a > b), argReduction('ArgMin', (a, b) => a < b)]
