import { HenceError } from '../core/index.ts'

/**
 * Every way a tensor's elements can be stored, with its block size and its id in GGUF (null where GGUF has none).
 * Source: the GGUF specification and the public layouts of ggml's block formats.
 */
export const STORAGE_TYPES = {
  f32: { ggufId: 0, blockElements: 1, blockBytes: 4 },
  f16: { ggufId: 1, blockElements: 1, blockBytes: 2 },
  bf16: { ggufId: 30, blockElements: 1, blockBytes: 2 },
  q4_0: { ggufId: 2, blockElements: 32, blockBytes: 18 },
  q4_1: { ggufId: 3, blockElements: 32, blockBytes: 20 },
  q5_0: { ggufId: 6, blockElements: 32, blockBytes: 22 },
  q5_1: { ggufId: 7, blockElements: 32, blockBytes: 24 },
  q8_0: { ggufId: 8, blockElements: 32, blockBytes: 34 },
  q2_k: { ggufId: 10, blockElements: 256, blockBytes: 84 },
  q3_k: { ggufId: 11, blockElements: 256, blockBytes: 110 },
  q4_k: { ggufId: 12, blockElements: 256, blockBytes: 144 },
  q5_k: { ggufId: 13, blockElements: 256, blockBytes: 176 },
  q6_k: { ggufId: 14, blockElements: 256, blockBytes: 210 },
  iq4_nl: { ggufId: 20, blockElements: 32, blockBytes: 18 },
  iq4_xs: { ggufId: 23, blockElements: 256, blockBytes: 136 },
  mxfp4: { ggufId: 39, blockElements: 32, blockBytes: 17 },
  f64: { ggufId: 28, blockElements: 1, blockBytes: 8 },
  i8: { ggufId: 24, blockElements: 1, blockBytes: 1 },
  i16: { ggufId: 25, blockElements: 1, blockBytes: 2 },
  i32: { ggufId: 26, blockElements: 1, blockBytes: 4 },
  i64: { ggufId: 27, blockElements: 1, blockBytes: 8 },
  u8: { ggufId: null, blockElements: 1, blockBytes: 1 },
  u16: { ggufId: null, blockElements: 1, blockBytes: 2 },
  u32: { ggufId: null, blockElements: 1, blockBytes: 4 },
  u64: { ggufId: null, blockElements: 1, blockBytes: 8 },
  bool: { ggufId: null, blockElements: 1, blockBytes: 1 },
} as const

/** The size of one block of a storage type; `blockElements` is 1 for plain types. */
export interface StorageLayout {
  readonly ggufId: number | null
  readonly blockElements: number
  readonly blockBytes: number
}

/** How a tensor's elements are encoded in a file. */
export type StorageType = keyof typeof STORAGE_TYPES

/** The encodings a weight matrix may have, in the order native/pack.h numbers them. */
export const WEIGHT_TYPES = [
  'f32',
  'f16',
  'bf16',
  'q4_0',
  'q4_1',
  'q5_0',
  'q5_1',
  'q8_0',
  'q2_k',
  'q3_k',
  'q4_k',
  'q5_k',
  'q6_k',
  'iq4_nl',
  'iq4_xs',
  'mxfp4',
] as const

/** A storage type that holds weights, as opposed to indices and masks. */
export type WeightType = (typeof WEIGHT_TYPES)[number]

/** True when `type` is one that weights come in. */
export function isWeightType(type: StorageType): type is WeightType {
  return (WEIGHT_TYPES as readonly StorageType[]).includes(type)
}

/**
 * Bytes that `elementCount` elements take.
 *
 * @throws HenceError `OPTION_INVALID` when the count is not a whole number of blocks
 */
export function storageBytes(type: StorageType, elementCount: number): number {
  const { blockElements, blockBytes }: StorageLayout = STORAGE_TYPES[type]
  if (!Number.isSafeInteger(elementCount) || elementCount < 0 || elementCount % blockElements !== 0)
    throw new HenceError('OPTION_INVALID', `${elementCount} elements are not a whole number of ${type} blocks of ${blockElements}`, {
      type,
      elementCount,
      blockElements,
    })
  return (elementCount / blockElements) * blockBytes
}
