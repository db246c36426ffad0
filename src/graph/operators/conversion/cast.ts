import { type ElementType, f16ToF32 } from '../../../core/index.ts'
import { type GraphTensor, type Operator, type OperatorCall, tensorInput, unsupportedVariant } from '../../operator.ts'
import {
  decoderOf,
  type Encoding,
  elementTypeAttribute,
  f64ToBf16,
  f64ToF16,
  integerBits,
  isFloat,
  isWide,
  numbersOf,
  outputTensor,
  type PowerRounding,
  tensorFromNumbers,
  wideTensor,
  workNumbers,
} from '../support/index.ts'
import { floatText, parseFloatText, parseIntegerText } from './float-text.ts'

/** The values of a tensor as another element type. @throws HenceError `OPERATOR_UNSUPPORTED`, `GRAPH_INVALID` for text that is no number */
function castTensor(call: OperatorCall, input: GraphTensor, dtype: ElementType, encoding: Encoding = {}): GraphTensor {
  if (input.dtype === dtype) return input
  if (dtype === 'string') return toText(call, input)
  if (input.dtype === 'string') return fromText(call, input.data as readonly string[], input.shape, dtype, encoding)
  if (isWide(input)) {
    if (dtype === 'i64' || dtype === 'u64') {
      const output = wideTensor(call, dtype, input.shape)
      for (let index = 0; index < input.data.length; index++) output.data[index] = input.data[index]!
      return output
    }
    if (integerBits(dtype) > 0) return tensorFromNumbers(call, dtype, input.shape, lowWords(call, input.data))
  }
  return tensorFromNumbers(call, dtype, input.shape, numbersOf(call, input), encoding)
}

/** The low 32 bits of each integer: all that narrower types keep. */
function lowWords(call: OperatorCall, data: BigInt64Array | BigUint64Array): Float64Array<ArrayBuffer> {
  const values = workNumbers(call, data.length)
  for (let index = 0; index < data.length; index++) values[index] = Number(BigInt.asIntN(32, data[index]!))
  return values
}

function toText(call: OperatorCall, input: GraphTensor): GraphTensor {
  const output = outputTensor(call, 'string', input.shape)
  if (isWide(input)) {
    for (let index = 0; index < input.data.length; index++) output.data[index] = String(input.data[index]!)
    return output
  }
  const values = numbersOf(call, input)
  const show = textOf(input.dtype)
  for (let index = 0; index < values.length; index++) output.data[index] = show(values[index]!)
  return output
}

function textOf(dtype: ElementType): (value: number) => string {
  if (dtype === 'bool') return value => (value ? 'True' : 'False')
  if (!isFloat(dtype)) return String
  if (dtype === 'f64') return value => floatText(value, x => x)
  if (dtype === 'f16') return value => floatText(value, x => f16ToF32(f64ToF16(x)))
  const fromBf16 = decoderOf('bf16')!
  if (dtype === 'bf16') return value => floatText(value, x => fromBf16(f64ToBf16(x)))
  return value => floatText(value, Math.fround)
}

function fromText(
  call: OperatorCall,
  texts: readonly string[],
  shape: readonly number[],
  dtype: ElementType,
  encoding: Encoding,
): GraphTensor {
  if (integerBits(dtype) > 0) {
    const wide = wideTensor(call, 'i64', shape)
    for (let index = 0; index < texts.length; index++) wide.data[index] = parseIntegerText(call, texts[index]!)
    return castTensor(call, wide as GraphTensor, dtype, encoding)
  }
  const values = workNumbers(call, texts.length)
  for (let index = 0; index < texts.length; index++) values[index] = parseFloatText(call, texts[index]!)
  return tensorFromNumbers(call, dtype, shape, values, encoding)
}

function encodingOf(call: OperatorCall): Encoding {
  const rounding = call.attributes.string('round_mode', 'up')
  if (rounding !== 'up' && rounding !== 'down' && rounding !== 'nearest') throw unsupportedVariant(call, `round_mode "${rounding}"`)
  return { saturate: call.attributes.int('saturate', 1) !== 0, rounding: rounding satisfies PowerRounding }
}

/** Conversions between element types. */
export const casts: readonly Operator[] = [
  {
    domain: '',
    name: 'Cast',
    run: call => [castTensor(call, tensorInput(call, 0), elementTypeAttribute(call, 'to'), encodingOf(call))],
  },
  {
    domain: '',
    name: 'CastLike',
    run: call => [castTensor(call, tensorInput(call, 0), tensorInput(call, 1).dtype, encodingOf(call))],
  },
]
