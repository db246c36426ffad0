import { HenceError } from '../../core/index.ts'
import { isJsonObject, parseJsonObject } from '../bounded-json.ts'
import type { ByteFile } from '../byte-file.ts'
import { checkExtents, checkedElementCount } from '../extents.ts'
import { type StorageType, storageBytes } from '../storage-types.ts'
import { SAFETENSORS_DTYPES } from './dtypes.ts'

/** The limit of the safetensors library. */
const MAX_HEADER_BYTES = 100_000_000
/** The limit of NumPy, from which such tensors come. */
const MAX_DIMENSIONS = 64

/** One tensor's entry, its offset counted from the start of the file. */
export interface SafetensorsEntry {
  readonly name: string
  /** Undefined when Hence cannot read the dtype. */
  readonly type: StorageType | undefined
  readonly dtype: string
  readonly shape: readonly number[]
  readonly offset: number
}

/** Bytes from the start of a file that {@link looksLikeSafetensors} wants, or fewer when the file is shorter. */
export const SAFETENSORS_HEAD_BYTES: number = 10

/** True when the bytes could begin a safetensors file: a plausible header length, then an object. The file may be cut short. */
export function looksLikeSafetensors(head: Uint8Array): boolean {
  if (head.length < SAFETENSORS_HEAD_BYTES || head[8] !== 0x7b) return false
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true)
  return length >= 2n && length <= BigInt(MAX_HEADER_BYTES) && [0x22, 0x7d, 0x20].includes(head[9]!)
}

/** Reads and checks the header of one file. */
export async function readSafetensorsHeader(
  file: ByteFile,
  signal?: AbortSignal,
): Promise<{ entries: SafetensorsEntry[]; metadata: Record<string, string> }> {
  const { path, size } = file
  const head = await file.read(0, 8, signal)
  const headerLength = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true)
  if (headerLength > BigInt(MAX_HEADER_BYTES))
    throw new HenceError(
      'FILE_LIMIT',
      `${path}: a header of ${headerLength} bytes is larger than ${MAX_HEADER_BYTES}, the limit of the safetensors library`,
      {
        path,
        headerLength: String(headerLength),
        limit: MAX_HEADER_BYTES,
      },
    )
  const dataStart = 8 + Number(headerLength)
  if (dataStart > size)
    throw new HenceError('FILE_TRUNCATED', `${path}: header: offset 8 + ${headerLength} bytes ends beyond the file (${size} bytes)`, {
      path,
      fileSize: size,
    })
  const text = await file.read(8, dataStart - 8, signal)
  const header = parseJsonObject(text, `${path} header`)
  checkNoDuplicates(path, text, Object.keys(header).length)
  const metadata = readStrings(path, header['__metadata__'])
  const entries: SafetensorsEntry[] = []
  const extents = []
  for (const [name, description] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const { entry, byteLength } = readEntry(path, name, description, dataStart)
    entries.push(entry)
    extents.push({ name, offset: entry.offset, byteLength })
  }
  checkExtents(path, size, extents)
  return { entries, metadata }
}

function readEntry(path: string, name: string, description: unknown, dataStart: number): { entry: SafetensorsEntry; byteLength: number } {
  const refuse = (message: string): HenceError =>
    new HenceError('FILE_MALFORMED', `${path}: tensor "${name}": ${message}`, { path, tensor: name })
  if (name === '') throw refuse('the name is empty')
  if (!isJsonObject(description)) throw refuse('the description is not an object')
  const { dtype, shape, data_offsets: offsets } = description
  if (typeof dtype !== 'string') throw refuse('dtype is not a string')
  if (!isCounts(shape)) throw refuse('shape is not an array of non-negative integers')
  if (shape.length > MAX_DIMENSIONS)
    throw new HenceError(
      'FILE_LIMIT',
      `${path}: tensor "${name}": ${shape.length} dimensions are more than ${MAX_DIMENSIONS}, the limit of NumPy`,
      {
        path,
        tensor: name,
        limit: MAX_DIMENSIONS,
      },
    )
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    throw refuse('data_offsets is not a pair [begin, end] with begin ≤ end')
  const [begin, end] = offsets as [number, number]
  const type = Object.hasOwn(SAFETENSORS_DTYPES, dtype) ? SAFETENSORS_DTYPES[dtype] : undefined
  const elements = checkedElementCount(path, name, shape)
  const byteLength = end - begin
  if (type !== undefined && storageBytes(type, elements) !== byteLength)
    throw refuse(
      `${dtype} [${shape.join(', ')}] takes ${storageBytes(type, elements)} bytes, data_offsets [${begin}, ${end}] span ${byteLength}`,
    )
  return { entry: { name, type, dtype, shape, offset: dataStart + begin }, byteLength }
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(item => Number.isSafeInteger(item) && item >= 0)
}

function readStrings(path: string, value: unknown): Record<string, string> {
  if (value === undefined) return {}
  if (!isJsonObject(value) || Object.values(value).some(item => typeof item !== 'string'))
    throw new HenceError('FILE_MALFORMED', `${path}: __metadata__ is not an object of strings`, { path })
  return value as Record<string, string>
}

/** JSON.parse keeps the last of equal keys; counting the colons of the outermost object shows that some were lost. */
function checkNoDuplicates(path: string, text: Uint8Array, keyCount: number): void {
  let depth = 0
  let colons = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (inString) {
      if (c === 0x5c) i++
      else if (c === 0x22) inString = false
    } else if (c === 0x22) inString = true
    else if (c === 0x7b || c === 0x5b) depth++
    else if (c === 0x7d || c === 0x5d) depth--
    else if (c === 0x3a && depth === 1) colons++
  }
  if (colons !== keyCount)
    throw new HenceError('FILE_MALFORMED', `${path}: the header names ${colons - keyCount} tensors twice`, {
      path,
      repeated: colons - keyCount,
    })
}
