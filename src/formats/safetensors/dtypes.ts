import type { StorageType } from '../storage-types.ts'

/** Safetensors dtypes that Hence reads. Source: the safetensors format description. */
export const SAFETENSORS_DTYPES: Readonly<Record<string, StorageType>> = {
  F64: 'f64',
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  I64: 'i64',
  I32: 'i32',
  I16: 'i16',
  I8: 'i8',
  U64: 'u64',
  U32: 'u32',
  U16: 'u16',
  U8: 'u8',
  BOOL: 'bool',
}

/** The dtype's name for a storage type, undefined when safetensors has none. */
export function safetensorsDtype(type: StorageType): string | undefined {
  return Object.keys(SAFETENSORS_DTYPES).find(dtype => SAFETENSORS_DTYPES[dtype] === type)
}
