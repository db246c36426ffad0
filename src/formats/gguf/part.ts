import { HenceError } from '../../core/index.ts'
import type { ByteFile } from '../byte-file.ts'
import { checkExtents, checkedElementCount, type Extent } from '../extents.ts'
import { STORAGE_TYPES, type StorageType, storageBytes } from '../storage-types.ts'
import { Cursor } from './cursor.ts'
import { checkCount, readMetadata, readName } from './metadata.ts'
import { ggufTypeName, storageTypeOfGgufId } from './tensor-types.ts'
import type { GgufValue } from './values.ts'

/** ggml tensors have at most four dimensions. */
const MAX_DIMENSIONS = 4
/** Hence's own; the GGUF specification says 64, which some writers exceed. */
const MAX_TENSOR_NAME_BYTES = 1024
/** Hence's own; the largest published checkpoints have fewer than 2^18. */
const MAX_TENSORS = 2 ** 20
/** Hence's own; real files use 32. */
const MAX_ALIGNMENT = 2 ** 20
const DEFAULT_ALIGNMENT = 32

/** One GGUF file of possibly several, parsed and checked against its own size. */
export interface GgufPart {
  readonly file: ByteFile
  readonly version: number
  readonly alignment: number
  readonly metadata: Map<string, GgufValue>
  readonly tensors: readonly GgufTensorInfo[]
}

/** A tensor's entry, its offset already counted from the start of the file. */
export interface GgufTensorInfo {
  readonly name: string
  /** Undefined when Hence cannot read the type. */
  readonly type: StorageType | undefined
  readonly typeName: string
  /** Row-major, outermost first. */
  readonly shape: readonly number[]
  readonly offset: number
}

/** Parses the header of one file. */
export async function readGgufPart(file: ByteFile, signal?: AbortSignal): Promise<GgufPart> {
  const cursor = new Cursor(file, signal)
  const { version, tensorCount, metadataCount } = await readHeader(cursor)
  const metadata = await readMetadata(cursor, metadataCount)
  const alignment = alignmentOf(file.path, metadata)
  checkCount(cursor, tensorCount, 8 + 1 + 4 + 4 + 8, MAX_TENSORS, 'tensors')
  const entries: GgufTensorInfo[] = []
  const names = new Set<string>()
  for (let i = 0; i < tensorCount; i++) {
    const entry = await readEntry(cursor, i, alignment)
    if (names.has(entry.name)) throw malformed(file.path, `tensor "${entry.name}" appears twice`, { tensor: entry.name })
    names.add(entry.name)
    entries.push(entry)
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment
  const tensors = entries.map(entry => ({ ...entry, offset: dataStart + entry.offset }))
  checkExtents(file.path, file.size, tensors.map(extentOf))
  return { file, version, alignment, metadata, tensors }
}

async function readHeader(cursor: Cursor): Promise<{ version: number; tensorCount: number; metadataCount: number }> {
  await cursor.need(8, 'GGUF header')
  const magic = cursor.u32()
  if (magic !== 0x46554747) throw malformed(cursor.path, 'the file does not begin with "GGUF"', { magic })
  const version = cursor.u32()
  if (version !== 0 && (version & 0xffff) === 0)
    throw unsupported(cursor.path, 'the file is big-endian; Hence reads little-endian GGUF', { version })
  if (version !== 2 && version !== 3) throw unsupported(cursor.path, `GGUF version ${version}; Hence reads versions 2 and 3`, { version })
  await cursor.need(16, 'GGUF header')
  return { version, tensorCount: Number(cursor.u64()), metadataCount: Number(cursor.u64()) }
}

function alignmentOf(path: string, metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT
  if (typeof alignment !== 'number' || !Number.isSafeInteger(alignment) || alignment < 1 || !Number.isInteger(Math.log2(alignment)))
    throw malformed(path, `general.alignment is ${String(alignment).slice(0, 40)}, not a power of two`)
  if (alignment > MAX_ALIGNMENT)
    throw new HenceError('FILE_LIMIT', `${path}: general.alignment ${alignment} is more than ${MAX_ALIGNMENT}, a limit of Hence's reader`, {
      path,
      alignment,
      limit: MAX_ALIGNMENT,
    })
  return alignment
}

async function readEntry(cursor: Cursor, index: number, alignment: number): Promise<GgufTensorInfo> {
  const name = await readName(cursor, `tensor ${index}`, MAX_TENSOR_NAME_BYTES, "Hence's reader")
  const what = `tensor "${name}"`
  await cursor.need(4, what)
  const dimensionCount = cursor.u32()
  if (dimensionCount > MAX_DIMENSIONS)
    throw new HenceError(
      'FILE_LIMIT',
      `${cursor.path}: ${what}: ${dimensionCount} dimensions are more than ${MAX_DIMENSIONS}, the limit of ggml`,
      {
        path: cursor.path,
        tensor: name,
        dimensionCount,
        limit: MAX_DIMENSIONS,
      },
    )
  await cursor.need(dimensionCount * 8 + 12, what)
  const shape = Array.from({ length: dimensionCount }, () => Number(cursor.u64())).reverse()
  if (shape.some(size => size < 1))
    throw malformed(cursor.path, `${what}: shape [${shape.join(', ')}] has an empty dimension`, { tensor: name, shape })
  const elements = checkedElementCount(cursor.path, name, shape)
  const id = cursor.u32()
  const type = storageTypeOfGgufId(id)
  const offset = Number(cursor.u64())
  if (offset % alignment !== 0)
    throw malformed(cursor.path, `${what}: offset ${offset} is not a multiple of the alignment ${alignment}`, {
      tensor: name,
      offset,
      alignment,
    })
  const row = shape.at(-1) ?? 1
  if (type !== undefined && row % STORAGE_TYPES[type].blockElements !== 0)
    throw malformed(cursor.path, `${what}: rows of ${row} elements are not whole ${type} blocks of ${STORAGE_TYPES[type].blockElements}`, {
      tensor: name,
      shape,
      type,
    })
  if (type !== undefined && !Number.isSafeInteger(storageBytes(type, elements)))
    throw new HenceError(
      'FILE_LIMIT',
      `${cursor.path}: ${what}: shape [${shape.join(', ')}] takes more than 2^53 bytes, the largest exact count`,
      {
        path: cursor.path,
        tensor: name,
        shape,
      },
    )
  return { name, type, typeName: ggufTypeName(id), shape, offset }
}

/** What is known of a tensor's place; one byte stands for a tensor of unknown block size. */
function extentOf({ name, type, shape, offset }: GgufTensorInfo): Extent {
  const elements = shape.reduce((product, size) => product * size, 1)
  return { name, offset, byteLength: type === undefined ? 1 : storageBytes(type, elements) }
}

function malformed(path: string, message: string, facts: Record<string, unknown> = {}): HenceError {
  return new HenceError('FILE_MALFORMED', `${path}: ${message}`, { path, ...facts })
}

function unsupported(path: string, message: string, facts: Record<string, unknown>): HenceError {
  return new HenceError('FORMAT_UNSUPPORTED', `${path}: ${message}`, { path, ...facts })
}
