import { HenceError } from '../../../core/index.ts'
import { type GraphTensor, type Operator, type OperatorCall, tensorInput, unsupportedVariant } from '../../operator.ts'
import {
  type BinaryFunction,
  bigintOf,
  broadcastShapes,
  checkSameType,
  integerBits,
  isFloat,
  isWide,
  mapNumberPairs,
  mapPairs,
  mapWidePairs,
  type NumberArray,
  numbersOf,
  tensorFromNumbers,
  type WideTensor,
  wideTensor,
} from '../support/index.ts'

/** An operator on two broadcast operands of one type. */
function binary(name: string, functionOf: (call: OperatorCall, a: GraphTensor) => BinaryFunction): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
      return [mapPairs(call, a, b, functionOf(call, a))]
    },
  }
}

const ADD: BinaryFunction = { number: (a, b) => a + b, wide: (a, b) => BigInt.asIntN(64, a + b) }
const SUBTRACT: BinaryFunction = { number: (a, b) => a - b, wide: (a, b) => BigInt.asIntN(64, a - b) }
const MULTIPLY: BinaryFunction = { number: (a, b) => a * b, dword: Math.imul, wide: (a, b) => BigInt.asIntN(64, a * b) }
const MAXIMUM: BinaryFunction = { number: Math.max, wide: (a, b) => (a > b ? a : b) }
const MINIMUM: BinaryFunction = { number: Math.min, wide: (a, b) => (a < b ? a : b) }

/** Integer quotients drop the fraction; a quotient by integer zero is 0. */
const DIVIDE: BinaryFunction = { number: (a, b) => a / b, wide: (a, b) => (b === 0n ? 0n : a / b) }

/** The remainder with the sign of the dividend. */
const REMAINDER: BinaryFunction = { number: (a, b) => a % b, wide: (a, b) => (b === 0n ? 0n : a % b) }

/** The remainder with the sign of the divisor. */
const MODULO: BinaryFunction = {
  number: (a, b) => {
    const rest = a % b
    if (rest === 0) return b < 0 ? -0 : 0
    return rest < 0 === b < 0 || Number.isNaN(rest) ? rest : rest + b
  },
  wide: (a, b) => {
    if (b === 0n) return 0n
    const rest = a % b
    return rest === 0n || rest < 0n === b < 0n ? rest : rest + b
  },
}

const power: Operator = {
  domain: '',
  name: 'Pow',
  run: call => {
    const [base, exponent] = [tensorInput(call, 0), tensorInput(call, 1)]
    const shape = broadcastShapes(call, base.shape, exponent.shape)
    if (integerBits(base.dtype) > 0 && integerBits(exponent.dtype) > 0) {
      const output = wideTensor(call, 'i64', shape)
      mapWidePairs(toWide(call, base), toWide(call, exponent), shape, output.data, integerPower)
      if (isWide(base)) return [base.dtype === 'i64' ? output : { ...output, dtype: 'u64', data: new BigUint64Array(output.data.buffer) }]
      for (let index = 0; index < output.data.length; index++) output.data[index] = BigInt.asIntN(32, output.data[index]!)
      return [tensorFromNumbers(call, base.dtype, shape, numbersOf(call, output))]
    }
    const left = { shape: base.shape, values: numbersOf(call, base) }
    const right = { shape: exponent.shape, values: numbersOf(call, exponent) }
    return [tensorFromNumbers(call, base.dtype, shape, mapNumberPairs(call, left, right, shape, floatPower))]
  },
}

/** As C and NumPy have it: 1 to any power is 1, and -1 to an infinite one too. */
function floatPower(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) return 1
  return base ** exponent
}

/** An integer power with 64-bit wrapping; fractions of negative exponents are dropped. */
function integerPower(base: bigint, exponent: bigint): bigint {
  if (exponent < 0n) {
    if (base === 1n) return 1n
    if (base === -1n) return exponent % 2n === 0n ? 1n : -1n
    return 0n
  }
  let result = 1n
  let factor = base
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = BigInt.asIntN(64, result * factor)
    factor = BigInt.asIntN(64, factor * factor)
  }
  return result
}

function toWide(call: OperatorCall, input: GraphTensor): WideTensor {
  if (isWide(input)) return input
  const output = wideTensor(call, 'i64', input.shape)
  const values = numbersOf(call, input)
  for (let index = 0; index < values.length; index++) output.data[index] = bigintOf(values[index]!)
  return output
}

/** An operator on any number of broadcast operands, folded from the left; `finish` sees the sum and the count. */
function variadic(name: string, fold: BinaryFunction, finish?: (value: number, count: number) => number): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const operands = call.inputs.map((_, position) => tensorInput(call, position))
      const first = operands[0]
      if (!first) throw new HenceError('GRAPH_INVALID', `${call.node}: it needs at least one input`, { node: call.node })
      checkSameType(call, ...operands)
      const count = operands.length
      if (isWide(first) || count === 1) return [operands.reduce((folded, operand) => mapPairs(call, folded, operand, fold))]
      let shape = first.shape
      let values: NumberArray = numbersOf(call, first)
      for (const operand of operands.slice(1)) {
        const next = broadcastShapes(call, shape, operand.shape)
        values = mapNumberPairs(call, { shape, values }, { shape: operand.shape, values: numbersOf(call, operand) }, next, fold.number)
        shape = next
      }
      if (finish) for (let index = 0; index < values.length; index++) values[index] = finish(values[index]!, count)
      return [tensorFromNumbers(call, first.dtype, shape, values)]
    },
  }
}

function remainderOf(call: OperatorCall, a: GraphTensor): BinaryFunction {
  const fmod = call.attributes.int('fmod', 0)
  if (fmod === 1) return REMAINDER
  if (fmod !== 0) throw unsupportedVariant(call, `fmod ${fmod} for ${a.dtype}`)
  return MODULO
}

function divisionOf(_call: OperatorCall, a: GraphTensor): BinaryFunction {
  return isFloat(a.dtype) ? DIVIDE : { ...DIVIDE, number: (x, y) => Math.trunc(x / y) }
}

/** Arithmetic on two or more operands. */
export const arithmetic: readonly Operator[] = [
  binary('Add', () => ADD),
  binary('Sub', () => SUBTRACT),
  binary('Mul', () => MULTIPLY),
  binary('Div', divisionOf),
  binary('Mod', remainderOf),
  power,
  variadic('Max', MAXIMUM),
  variadic('Min', MINIMUM),
  variadic('Sum', ADD),
  variadic('Mean', ADD, (sum, count) => sum / count),
]
