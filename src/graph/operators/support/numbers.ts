import { bf16ToF32, type ElementArrayOf, type ElementType, elementCount, f16ToF32, type Tensor } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type OperatorCall, unsupportedVariant } from '../../operator.ts'
import { checkedCount, outputTensor, reserve, workNumbers } from './output.ts'
import { encodePower, encodeSmallFloat, f64ToBf16, f64ToF16, isSmallFloat, type PowerRounding, smallFloatValues } from './small-floats.ts'

/** Element types whose values are bigints. */
export type WideInteger = 'i64' | 'u64'

/** Numbers to compute with. */
export type NumberArray = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>

/** A tensor of bigints. */
export type WideTensor = Tensor<'i64'> | Tensor<'u64'>

const INTEGER_BITS: Partial<Record<ElementType, number>> = {
  i2: 2,
  u2: 2,
  i4: 4,
  u4: 4,
  i8: 8,
  u8: 8,
  i16: 16,
  u16: 16,
  i32: 32,
  u32: 32,
  i64: 64,
  u64: 64,
}

/** Width of an integer element type; 0 for every other type, bool among them. */
export function integerBits(dtype: ElementType): number {
  return INTEGER_BITS[dtype] ?? 0
}

/** True for integer types that hold negative values. */
export function isSignedInteger(dtype: ElementType): boolean {
  return integerBits(dtype) > 0 && dtype.startsWith('i')
}

/** True for the floating-point types of every width. */
export function isFloat(dtype: ElementType): boolean {
  return dtype.startsWith('f') || dtype === 'bf16'
}

/** True for a tensor of 64-bit integers. */
export function isWide(input: GraphTensor): input is WideTensor {
  return input.dtype === 'i64' || input.dtype === 'u64'
}

/** Least and greatest value of an integer type of at most 32 bits. */
export function integerRange(dtype: ElementType): readonly [least: number, greatest: number] {
  const bits = integerBits(dtype)
  return isSignedInteger(dtype) ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1]
}

/**
 * The values of a tensor in doubles, always a copy. 64-bit integers round beyond 2⁵³: read them as bigints where that matters.
 *
 * @throws HenceError `OPERATOR_UNSUPPORTED` for strings and complex numbers
 */
export function numbersOf(call: OperatorCall, input: GraphTensor): Float64Array<ArrayBuffer> {
  const { dtype, data } = input
  if (dtype === 'string' || dtype === 'c64' || dtype === 'c128') throw unsupportedVariant(call, `element type ${dtype}`)
  if (dtype === 'i64' || dtype === 'u64') {
    const wide = data as BigInt64Array
    const values = workNumbers(call, wide.length)
    for (let index = 0; index < wide.length; index++) values[index] = Number(wide[index]!)
    return values
  }
  const decode = decoderOf(dtype)
  if (!decode) return reserve(call, () => new Float64Array(data as Float32Array))
  const codes = data as Uint16Array
  const values = workNumbers(call, codes.length)
  for (let index = 0; index < codes.length; index++) values[index] = decode(codes[index]!)
  return values
}

/** {@link numbersOf} without the copy where the values are floats already; not to be written to. */
export function numberView(call: OperatorCall, input: GraphTensor): NumberArray {
  return input.dtype === 'f32' || input.dtype === 'f64' ? (input.data as NumberArray) : numbersOf(call, input)
}

/** Room for results that become elements of `dtype`, each rounded once when it is stored or encoded. */
export function resultNumbers(call: OperatorCall, dtype: ElementType, length: number): NumberArray {
  return dtype === 'f32' ? reserve(call, () => new Float32Array(length)) : workNumbers(call, length)
}

/** The value of a code, for types that are held as bits. */
export function decoderOf(dtype: ElementType): ((code: number) => number) | undefined {
  if (dtype === 'f16') return f16ToF32
  if (dtype === 'bf16') return bf16ToF32
  if (!isSmallFloat(dtype) && dtype !== 'f8e8m0') return undefined
  const values = smallFloatValues(dtype)
  return code => values[code]!
}

/** How values beyond a type's range or between its values are written. */
export interface Encoding {
  /** Small floats: the largest finite value instead of infinity or NaN. Default true. */
  readonly saturate?: boolean
  /** f8e8m0 only. Default `up`. */
  readonly rounding?: PowerRounding
}

/**
 * A tensor of `dtype` from doubles, each rounded once. Integers keep their low bits, fractions are dropped; for bool all but
 * 0 is true.
 *
 * @param values - as many as `shape` has elements
 */
export function tensorFromNumbers(
  call: OperatorCall,
  dtype: ElementType,
  shape: readonly number[],
  values: NumberArray,
  encoding: Encoding = {},
): GraphTensor {
  if (dtype === 'f64' && values instanceof Float64Array) return { dtype, shape, data: values }
  if (dtype === 'f32' && values instanceof Float32Array) return { dtype, shape, data: values }
  const output = outputTensor(call, dtype, shape)
  encodeNumbers(call, output, values, encoding)
  return output
}

function encodeNumbers(call: OperatorCall, output: GraphTensor, values: NumberArray, encoding: Encoding): void {
  const { saturate = true, rounding = 'up' } = encoding
  const { dtype } = output
  const count = values.length
  switch (dtype) {
    case 'string':
    case 'c64':
    case 'c128':
      throw unsupportedVariant(call, `element type ${dtype}`)
    case 'i64':
    case 'u64': {
      const data = output.data as BigInt64Array
      for (let index = 0; index < count; index++) data[index] = bigintOf(values[index]!)
      return
    }
    case 'bool': {
      const data = output.data as Uint8Array
      for (let index = 0; index < count; index++) data[index] = values[index] === 0 ? 0 : 1
      return
    }
    case 'f16':
    case 'bf16': {
      const data = output.data as Uint16Array
      const encode = dtype === 'f16' ? f64ToF16 : f64ToBf16
      for (let index = 0; index < count; index++) data[index] = encode(values[index]!)
      return
    }
    case 'f8e8m0': {
      const data = output.data as Uint8Array
      for (let index = 0; index < count; index++) data[index] = encodePower(values[index]!, saturate, rounding)
      return
    }
    case 'i2':
    case 'u2':
    case 'i4':
    case 'u4': {
      const data = output.data as Int8Array | Uint8Array
      for (let index = 0; index < count; index++) data[index] = lowBits(values[index]!, dtype)
      return
    }
    default:
      if (isSmallFloat(dtype)) {
        const data = output.data as Uint8Array
        for (let index = 0; index < count; index++) data[index] = encodeSmallFloat(dtype, values[index]!, saturate)
      } else (output.data as Float32Array).set(values)
  }
}

/** The integer the low bits of `value` are as a narrow type. */
function lowBits(value: number, dtype: 'i2' | 'u2' | 'i4' | 'u4'): number {
  const shift = 32 - integerBits(dtype)
  // ToInt32 drops the fraction and keeps the low 32 bits.
  return dtype.startsWith('i') ? (value << shift) >> shift : (value << shift) >>> shift
}

/** The integer part of a double, 0 for NaN and infinities. */
export function bigintOf(value: number): bigint {
  return Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n
}

/** The single value of a tensor of one element, `fallback` without the tensor. */
export function scalarOf(call: OperatorCall, input: GraphTensor | undefined, what: string, fallback: number): number {
  if (input === undefined) return fallback
  checkShape(elementCount(input.shape) === 1, call, `${what} must be one value, has the shape [${input.shape.join(', ')}]`, {
    shape: input.shape,
  })
  return numbersOf(call, input)[0]!
}

/** A zero-filled array of bigints for an output of 64-bit integers. */
export function wideTensor(call: OperatorCall, dtype: WideInteger, shape: readonly number[]): WideTensor {
  checkedCount(call, shape)
  return outputTensor(call, dtype, shape) as WideTensor
}

/** A tensor of 64-bit indices. */
export function indexTensor(call: OperatorCall, shape: readonly number[], values: ArrayLike<number>): Tensor<'i64'> {
  const output = outputTensor(call, 'i64', shape)
  const data: ElementArrayOf['i64'] = output.data
  for (let index = 0; index < values.length; index++) data[index] = BigInt(values[index]!)
  return output
}
