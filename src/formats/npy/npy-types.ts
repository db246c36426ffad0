import type { DType, ElementType } from '../../core/index.ts'

/** How elements are stored in a .npy file. */
export interface NpyType {
  readonly dtype: ElementType
  /** Bytes of an element. */
  readonly itemBytes: number
  /** Bytes of what has an order: half an element for complex numbers. */
  readonly wordBytes: number
  readonly isBigEndian: boolean
  /** What a string is made of. */
  readonly text?: 'bytes' | 'code points'
}

/** NumPy's letters. Source: the array interface protocol. */
const NUMBERS: Readonly<Record<string, ElementType>> = {
  b1: 'bool',
  i1: 'i8',
  i2: 'i16',
  i4: 'i32',
  i8: 'i64',
  u1: 'u8',
  u2: 'u16',
  u4: 'u32',
  u8: 'u64',
  f2: 'f16',
  f4: 'f32',
  f8: 'f64',
  c8: 'c64',
  c16: 'c128',
}

/** The type NumPy calls `descr`, or undefined when Hence cannot read it. */
export function parseNpyType(descr: string): NpyType | undefined {
  const [, order, kind, digits] = /^([<>|=])([A-Za-z])(\d{1,9})$/.exec(descr) ?? []
  if (order === undefined || kind === undefined) return undefined
  const count = Number(digits)
  const isBigEndian = order === '>'
  if (kind === 'U' && count > 0) return { dtype: 'string', itemBytes: count * 4, wordBytes: 4, isBigEndian, text: 'code points' }
  if (kind === 'S' && count > 0) return { dtype: 'string', itemBytes: count, wordBytes: 1, isBigEndian, text: 'bytes' }
  const dtype = Object.hasOwn(NUMBERS, kind + count) ? NUMBERS[kind + count] : undefined
  return dtype && { dtype, itemBytes: count, wordBytes: kind === 'c' ? count / 2 : count, isBigEndian }
}

/** The array that holds numbers of a stored type, two entries for each complex one. */
export function arrayType(dtype: ElementType): DType {
  if (dtype === 'c64') return 'f32'
  return dtype === 'c128' ? 'f64' : (dtype as DType)
}

/** What NumPy calls a type, or undefined when it has none. */
export function npyDescription(dtype: ElementType): string | undefined {
  const letters = Object.keys(NUMBERS).find(key => NUMBERS[key] === dtype)
  return letters && (letters.endsWith('1') ? '|' : '<') + letters
}
