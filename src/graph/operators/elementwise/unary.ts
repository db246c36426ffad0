import { type Operator, type OperatorCall, tensorInput, unsupportedVariant } from '../../operator.ts'
import { erf, integerBits, isWide, mapElements, numbersOf, outputTensor, roundHalfEven, type UnaryFunction } from '../support/index.ts'

/** An operator that applies one function to every element. */
function elementwise(name: string, number: (x: number) => number, wide?: (x: bigint) => bigint): Operator {
  const f: UnaryFunction = { number, wide }
  return { domain: '', name, run: call => [mapElements(call, tensorInput(call, 0), f)] }
}

/** An operator that answers a question about every element. */
function predicate(name: string, holdsFor: (call: OperatorCall) => (x: number) => boolean): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const input = tensorInput(call, 0)
      const holds = holdsFor(call)
      const output = outputTensor(call, 'bool', input.shape)
      const values = numbersOf(call, input)
      for (let index = 0; index < values.length; index++) output.data[index] = holds(values[index]!) ? 1 : 0
      return [output]
    },
  }
}

function infinityTest(call: OperatorCall): (x: number) => boolean {
  const least = call.attributes.int('detect_negative', 1) ? Number.NEGATIVE_INFINITY : Number.NaN
  const greatest = call.attributes.int('detect_positive', 1) ? Number.POSITIVE_INFINITY : Number.NaN
  return x => x === least || x === greatest
}

const bitwiseNot: Operator = {
  domain: '',
  name: 'BitwiseNot',
  run: call => {
    const input = tensorInput(call, 0)
    if (integerBits(input.dtype) === 0) throw unsupportedVariant(call, `element type ${input.dtype}`)
    return [mapElements(call, input, { number: x => ~x, wide: x => ~x })]
  },
}

const not: Operator = {
  domain: '',
  name: 'Not',
  run: call => {
    const input = tensorInput(call, 0)
    if (input.dtype !== 'bool' || isWide(input)) throw unsupportedVariant(call, `element type ${input.dtype}`)
    return [mapElements(call, input, { number: x => (x === 0 ? 1 : 0) })]
  },
}

/** Functions of one element. */
export const unary: readonly Operator[] = [
  elementwise('Abs', Math.abs, x => (x < 0n ? -x : x)),
  elementwise(
    'Neg',
    x => -x,
    x => -x,
  ),
  elementwise('Sign', Math.sign, x => (x > 0n ? 1n : x < 0n ? -1n : 0n)),
  elementwise('Ceil', Math.ceil),
  elementwise('Floor', Math.floor),
  elementwise('Round', roundHalfEven),
  elementwise('Sqrt', Math.sqrt),
  elementwise('Reciprocal', x => 1 / x),
  elementwise('Exp', Math.exp),
  elementwise('Log', Math.log),
  elementwise('Erf', erf),
  elementwise('Sin', Math.sin),
  elementwise('Cos', Math.cos),
  elementwise('Tan', Math.tan),
  elementwise('Asin', Math.asin),
  elementwise('Acos', Math.acos),
  elementwise('Atan', Math.atan),
  elementwise('Sinh', Math.sinh),
  elementwise('Cosh', Math.cosh),
  elementwise('Tanh', Math.tanh),
  elementwise('Asinh', Math.asinh),
  elementwise('Acosh', Math.acosh),
  elementwise('Atanh', Math.atanh),
  predicate('IsNaN', () => Number.isNaN),
  predicate('IsInf', infinityTest),
  bitwiseNot,
  not,
]
