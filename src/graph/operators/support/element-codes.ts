import { type ElementType, HenceError } from '../../../core/index.ts'
import type { OperatorCall } from '../../operator.ts'

// Source: TensorProto.DataType of the ONNX specification.
const BY_CODE: Readonly<Record<number, ElementType>> = {
  1: 'f32',
  2: 'u8',
  3: 'i8',
  4: 'u16',
  5: 'i16',
  6: 'i32',
  7: 'i64',
  8: 'string',
  9: 'bool',
  10: 'f16',
  11: 'f64',
  12: 'u32',
  13: 'u64',
  14: 'c64',
  15: 'c128',
  16: 'bf16',
  17: 'f8e4m3fn',
  18: 'f8e4m3fnuz',
  19: 'f8e5m2',
  20: 'f8e5m2fnuz',
  21: 'u4',
  22: 'i4',
  23: 'f4e2m1',
  24: 'f8e8m0',
  25: 'u2',
  26: 'i2',
}

/**
 * The element type an integer attribute names; `fallback` when the attribute is left out.
 *
 * @throws HenceError `OPERATOR_UNSUPPORTED` for a code that is no element type
 */
export function elementTypeAttribute(call: OperatorCall, name: string, fallback?: ElementType): ElementType {
  if (fallback !== undefined && !call.attributes.has(name)) return fallback
  const code = call.attributes.int(name)
  const dtype = BY_CODE[code]
  if (dtype) return dtype
  throw new HenceError('OPERATOR_UNSUPPORTED', `${call.node}: attribute ${name} names the unknown element type ${code}`, {
    node: call.node,
    [name]: code,
  })
}
