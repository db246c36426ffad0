import type { ElementType } from '../../core/index.ts'

/** Which field of a TensorProto holds the elements when `raw_data` does not. */
export type DataField = 'float_data' | 'double_data' | 'int32_data' | 'int64_data' | 'uint64_data' | 'string_data'

/** How a TensorProto stores one element type. */
export interface OnnxElementType {
  readonly dtype: ElementType
  /** Bits of an element in `raw_data`; 0 for strings, which it cannot hold. */
  readonly bits: number
  readonly field: DataField
}

const entry = (dtype: ElementType, bits: number, field: DataField): OnnxElementType => ({ dtype, bits, field })

/** By the number that stands for the type in a file. Source: onnx.proto, TensorProto.DataType and its data fields. */
const TYPES: readonly (OnnxElementType | undefined)[] = [
  undefined,
  entry('f32', 32, 'float_data'),
  entry('u8', 8, 'int32_data'),
  entry('i8', 8, 'int32_data'),
  entry('u16', 16, 'int32_data'),
  entry('i16', 16, 'int32_data'),
  entry('i32', 32, 'int32_data'),
  entry('i64', 64, 'int64_data'),
  entry('string', 0, 'string_data'),
  entry('bool', 8, 'int32_data'),
  entry('f16', 16, 'int32_data'),
  entry('f64', 64, 'double_data'),
  entry('u32', 32, 'uint64_data'),
  entry('u64', 64, 'uint64_data'),
  entry('c64', 64, 'float_data'),
  entry('c128', 128, 'double_data'),
  entry('bf16', 16, 'int32_data'),
  entry('f8e4m3fn', 8, 'int32_data'),
  entry('f8e4m3fnuz', 8, 'int32_data'),
  entry('f8e5m2', 8, 'int32_data'),
  entry('f8e5m2fnuz', 8, 'int32_data'),
  entry('u4', 4, 'int32_data'),
  entry('i4', 4, 'int32_data'),
  entry('f4e2m1', 4, 'int32_data'),
  entry('f8e8m0', 8, 'int32_data'),
  entry('u2', 2, 'int32_data'),
  entry('i2', 2, 'int32_data'),
]

/** Types of six bits, which Hence has no arithmetic for. */
const UNSUPPORTED: Readonly<Record<number, string>> = { 27: 'FLOAT6E2M3', 28: 'FLOAT6E3M2' }

/** The element type a file calls `code`; undefined when there is none or Hence lacks it. */
export function onnxElementType(code: number): OnnxElementType | undefined {
  return TYPES[code]
}

/** The name of an element type that exists and Hence cannot read. */
export function unsupportedElementType(code: number): string | undefined {
  return UNSUPPORTED[code]
}

/** The number of an element type in files and in the `to` and `dtype` attributes of operators. */
export function onnxElementCode(dtype: ElementType): number {
  return TYPES.findIndex(type => type?.dtype === dtype)
}
