import { DTYPE_BYTES, type DType, type ElementType } from '../../../core/index.ts'
import { type GraphTensor, type Operator, type OperatorCall, tensorInput, unsupportedVariant } from '../../operator.ts'
import { type BinaryFunction, elementTypeAttribute, integerBits, isSignedInteger, mapPairs, outputTensor } from '../support/index.ts'

/** An operator on the bits of two broadcast integer operands. */
function bitwise(name: string, functionOf: (call: OperatorCall, dtype: ElementType) => BinaryFunction): Operator {
  return {
    domain: '',
    name,
    run: call => {
      const [a, b] = [tensorInput(call, 0), tensorInput(call, 1)]
      if (integerBits(a.dtype) === 0) throw unsupportedVariant(call, `element type ${a.dtype}`)
      return [mapPairs(call, a, b, functionOf(call, a.dtype))]
    },
  }
}

/** Bits shifted out are lost; a signed number keeps its sign to the right. */
function shift(call: OperatorCall, dtype: ElementType): BinaryFunction {
  const direction = call.attributes.string('direction')
  const bits = integerBits(dtype)
  const isBeyond = (count: number | bigint): boolean => count < 0 || count >= bits
  if (direction === 'LEFT')
    return {
      number: (x, count) => (isBeyond(count) ? 0 : x << count),
      wide: (x, count) => (isBeyond(count) ? 0n : BigInt.asIntN(64, x << count)),
    }
  if (direction !== 'RIGHT') throw unsupportedVariant(call, `direction "${direction}"`)
  if (isSignedInteger(dtype))
    return {
      number: (x, count) => x >> (isBeyond(count) ? 31 : count),
      wide: (x, count) => x >> (isBeyond(count) ? 63n : count),
    }
  return {
    number: (x, count) => (isBeyond(count) ? 0 : x >>> count),
    wide: (x, count) => (isBeyond(count) ? 0n : x >> count),
  }
}

const NARROW_BITS: Partial<Record<ElementType, number>> = {
  i2: 2,
  u2: 2,
  i4: 4,
  u4: 4,
  f4e2m1: 4,
  f8e4m3fn: 8,
  f8e4m3fnuz: 8,
  f8e5m2: 8,
  f8e5m2fnuz: 8,
  f8e8m0: 8,
  c64: 64,
  c128: 128,
}

/** Width of an element in bits; 0 for strings. */
function bitWidth(dtype: ElementType): number {
  return NARROW_BITS[dtype] ?? (dtype === 'string' ? 0 : DTYPE_BYTES[dtype as DType] * 8)
}

const bitCast: Operator = {
  domain: '',
  name: 'BitCast',
  run: call => {
    const input = tensorInput(call, 0)
    const dtype = elementTypeAttribute(call, 'to')
    const bits = bitWidth(dtype)
    if (input.dtype === 'string' || bits !== bitWidth(input.dtype)) throw unsupportedVariant(call, `reading ${input.dtype} as ${dtype}`)
    const output = outputTensor(call, dtype, input.shape)
    const { buffer, byteOffset, byteLength } = input.data as Uint8Array
    const bytes = new Uint8Array((output.data as Uint8Array).buffer)
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength))
    if (bits < 8) narrow(bytes, output)
    return [output]
  },
}

/** A value of less than eight bits fills its byte: with its sign where it has one, else with zeros. */
function narrow(bytes: Uint8Array, output: GraphTensor): void {
  const unused = 32 - bitWidth(output.dtype)
  const signed = isSignedInteger(output.dtype)
  for (let index = 0; index < bytes.length; index++) {
    const high = bytes[index]! << unused
    bytes[index] = signed ? high >> unused : high >>> unused
  }
}

/** Operators on the bits of integers, and on the bits of anything. */
export const bits: readonly Operator[] = [
  bitwise('BitwiseAnd', () => ({ number: (a, b) => a & b, wide: (a, b) => a & b })),
  bitwise('BitwiseOr', () => ({ number: (a, b) => a | b, wide: (a, b) => a | b })),
  bitwise('BitwiseXor', () => ({ number: (a, b) => a ^ b, wide: (a, b) => a ^ b })),
  bitwise('BitShift', shift),
  bitCast,
]
