import { STORAGE_TYPES, type StorageType } from '../storage-types.ts'

/** Names of GGUF tensor types that Hence does not read. */
const FOREIGN_NAMES: Readonly<Record<number, string>> = {
  4: 'q4_2',
  5: 'q4_3',
  9: 'q8_1',
  15: 'q8_k',
  16: 'iq2_xxs',
  17: 'iq2_xs',
  18: 'iq3_xxs',
  19: 'iq1_s',
  21: 'iq3_s',
  22: 'iq2_s',
  29: 'iq1_m',
  31: 'q4_0_4_4',
  32: 'q4_0_4_8',
  33: 'q4_0_8_8',
  34: 'tq1_0',
  35: 'tq2_0',
  36: 'iq4_nl_4_4',
  37: 'iq4_nl_4_8',
  38: 'iq4_nl_8_8',
  40: 'nvfp4',
}

const BY_ID: ReadonlyMap<number, StorageType> = new Map(
  Object.entries(STORAGE_TYPES).flatMap(([type, { ggufId }]) => (ggufId === null ? [] : [[ggufId, type as StorageType]])),
)

/** The storage type with a GGUF id, or undefined when Hence does not read it. */
export function storageTypeOfGgufId(id: number): StorageType | undefined {
  return BY_ID.get(id)
}

/** A name for any GGUF tensor type id: what the field calls it, else `type N`. */
export function ggufTypeName(id: number): string {
  return BY_ID.get(id) ?? FOREIGN_NAMES[id] ?? `type ${id}`
}
