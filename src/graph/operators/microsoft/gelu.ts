import { checkShape, type GraphTensor, type Operator, optionalTensor, tensorInput } from '../../operator.ts'
import { erf, mapElements, numbersOf, sigmoid, tensorFromNumbers } from '../support/index.ts'

const gelu = (x: number): number => 0.5 * x * (1 + erf(x * Math.SQRT1_2))
const fastGelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))

/** An activation of x, or of x plus a bias along the last axis. */
function biasedActivation(name: string, f: (x: number) => number, biasPosition: number | undefined): Operator {
  return {
    domain: 'com.microsoft',
    name,
    run(call) {
      const x = tensorInput(call, 0)
      const bias: GraphTensor | undefined = biasPosition === undefined ? undefined : optionalTensor(call, biasPosition)
      if (!bias) return [mapElements(call, x, { number: f })]
      const [values, added] = [numbersOf(call, x), numbersOf(call, bias)]
      checkShape(added.length === x.shape.at(-1), call, `bias has ${added.length} elements for rows of ${x.shape.at(-1)}`)
      for (let index = 0, at = 0; index < values.length; index++, at = at + 1 === added.length ? 0 : at + 1)
        values[index] = f(values[index]! + added[at]!)
      return [tensorFromNumbers(call, x.dtype, x.shape, values)]
    },
  }
}

/** x · sigmoid(alpha · x). */
const quickGelu: Operator = {
  domain: 'com.microsoft',
  name: 'QuickGelu',
  run(call) {
    const alpha = call.attributes.float('alpha', Math.fround(1.702))
    return [mapElements(call, tensorInput(call, 0), { number: x => x * sigmoid(alpha * x) })]
  },
}

export const geluOperators: readonly Operator[] = [
  biasedActivation('Gelu', gelu, undefined),
  biasedActivation('BiasGelu', gelu, 1),
  biasedActivation('FastGelu', fastGelu, 1),
  quickGelu,
]
