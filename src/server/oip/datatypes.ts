import type { ElementType } from '../../core/index.ts'

/** Names of element types in the Open Inference Protocol, with their bytes; texts have no fixed size. */
const DATATYPES = {
  bool: { name: 'BOOL', bytes: 1 },
  u8: { name: 'UINT8', bytes: 1 },
  u16: { name: 'UINT16', bytes: 2 },
  u32: { name: 'UINT32', bytes: 4 },
  u64: { name: 'UINT64', bytes: 8 },
  i8: { name: 'INT8', bytes: 1 },
  i16: { name: 'INT16', bytes: 2 },
  i32: { name: 'INT32', bytes: 4 },
  i64: { name: 'INT64', bytes: 8 },
  f16: { name: 'FP16', bytes: 2 },
  bf16: { name: 'BF16', bytes: 2 },
  f32: { name: 'FP32', bytes: 4 },
  f64: { name: 'FP64', bytes: 8 },
  string: { name: 'BYTES', bytes: 0 },
} as const

/** Element types that the protocol can carry. */
export type WireType = keyof typeof DATATYPES

/** Name of an element type in the protocol, where it has one. */
export function datatypeOf(dtype: ElementType): string | undefined {
  return isWireType(dtype) ? DATATYPES[dtype].name : undefined
}

export function isWireType(dtype: ElementType): dtype is WireType {
  return dtype in DATATYPES
}

/** The element type of a name, where there is one. */
export function wireTypeOf(datatype: string): WireType | undefined {
  return (Object.keys(DATATYPES) as WireType[]).find(dtype => DATATYPES[dtype].name === datatype)
}

/** Bytes of one element; 0 for texts. */
export function elementBytes(dtype: WireType): number {
  return DATATYPES[dtype].bytes
}
