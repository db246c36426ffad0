import { HenceError } from '../../core/index.ts'
import type { Cursor } from './cursor.ts'
import { GGUF_VALUE_BYTES, GGUF_VALUE_TYPES, type GgufNumbers, type GgufValue, type GgufValueType } from './values.ts'

/** The GGUF specification allows keys up to 2^16 − 1 bytes. */
const MAX_KEY_BYTES = 65_535
/** Hence's own; the largest published vocabularies have some 2^18 entries and 2^19 merges. */
const MAX_ARRAY_ELEMENTS = 2 ** 24
/** Hence's own; no published file nests arrays at all. */
const MAX_ARRAY_DEPTH = 4
/** Hence's own; real files have fewer than a hundred keys. */
const MAX_METADATA_KEYS = 65_536
/** Hence's own; an array costs far more memory than the twelve bytes an empty one takes in the file. */
const MAX_NESTED_ARRAYS = 65_536

const fatalText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads `count` key-value pairs. */
export async function readMetadata(cursor: Cursor, count: number): Promise<Map<string, GgufValue>> {
  checkCount(cursor, count, 8 + 1 + 4 + 1, MAX_METADATA_KEYS, 'metadata keys')
  const metadata = new Map<string, GgufValue>()
  const allowance = { nestedArrays: MAX_NESTED_ARRAYS }
  for (let i = 0; i < count; i++) {
    const key = await readName(cursor, `metadata key ${i}`, MAX_KEY_BYTES, 'the GGUF specification')
    if (metadata.has(key)) throw malformed(cursor, `metadata key "${key}" appears twice`, { key })
    const what = `metadata "${key}"`
    metadata.set(key, await readValue(cursor, await readValueType(cursor, what), what, 0, allowance))
  }
  return metadata
}

/** Refuses a count of things, each at least `minimumBytes` long, that the rest of the file cannot hold. */
export function checkCount(cursor: Cursor, count: number, minimumBytes: number, limit: number, what: string): void {
  const facts = { path: cursor.path, count, remaining: cursor.remaining, limit }
  if (!Number.isSafeInteger(count) || count > limit)
    throw new HenceError('FILE_LIMIT', `${cursor.path}: ${count} ${what} are more than ${limit}, a limit of Hence's reader`, facts)
  if (count * minimumBytes > cursor.remaining)
    throw new HenceError(
      'FILE_TRUNCATED',
      `${cursor.path}: ${count} ${what} need at least ${count * minimumBytes} bytes at offset ${cursor.position}, the file has ${cursor.remaining} more`,
      facts,
    )
}

/** Reads a string that names something: valid UTF-8, not empty, bounded. */
export async function readName(cursor: Cursor, what: string, limit: number, limitSource: string): Promise<string> {
  const length = await readLength(cursor, what)
  if (length > limit)
    throw new HenceError(
      'FILE_LIMIT',
      `${cursor.path}: ${what}: a name of ${length} bytes is longer than ${limit}, the limit of ${limitSource}`,
      {
        path: cursor.path,
        length,
        limit,
      },
    )
  if (length === 0) throw malformed(cursor, `${what}: the name is empty`)
  await cursor.need(length, what)
  try {
    return fatalText.decode(cursor.bytes(length))
  } catch {
    throw malformed(cursor, `${what}: the name is not valid UTF-8`)
  }
}

async function readLength(cursor: Cursor, what: string): Promise<number> {
  if (!cursor.has(8)) await cursor.need(8, what)
  const length = Number(cursor.u64())
  if (length > cursor.remaining)
    throw new HenceError(
      'FILE_TRUNCATED',
      `${cursor.path}: ${what}: a string of ${length} bytes at offset ${cursor.position} ends beyond the file`,
      {
        path: cursor.path,
        offset: cursor.position,
        length,
      },
    )
  return length
}

async function readString(cursor: Cursor, what: string): Promise<string> {
  const length = await readLength(cursor, what)
  if (!cursor.has(length)) await cursor.need(length, what)
  return cursor.text(length)
}

async function readValueType(cursor: Cursor, what: string): Promise<GgufValueType> {
  await cursor.need(4, what)
  const id = cursor.u32()
  const type = GGUF_VALUE_TYPES[id]
  if (type === undefined) throw malformed(cursor, `${what}: unknown value type ${id}`, { valueType: id })
  return type
}

/** What is left of the file's allowance of arrays within arrays. */
interface Allowance {
  nestedArrays: number
}

async function readValue(cursor: Cursor, type: GgufValueType, what: string, depth: number, allowance: Allowance): Promise<GgufValue> {
  if (type === 'string') return readString(cursor, what)
  if (type === 'array') return readArray(cursor, what, depth + 1, allowance)
  if (!cursor.has(8)) await cursor.need(GGUF_VALUE_BYTES[type], what)
  if (type === 'bool') return boolOf(cursor, what)
  if (type === 'u64' || type === 'i64') return exact(cursor[type]())
  return cursor[type]()
}

async function readArray(cursor: Cursor, what: string, depth: number, allowance: Allowance): Promise<GgufValue> {
  if (depth > MAX_ARRAY_DEPTH)
    throw new HenceError('FILE_LIMIT', `${cursor.path}: ${what}: arrays nested deeper than ${MAX_ARRAY_DEPTH}, a limit of Hence's reader`, {
      path: cursor.path,
      limit: MAX_ARRAY_DEPTH,
    })
  const type = await readValueType(cursor, what)
  await cursor.need(8, what)
  const count = Number(cursor.u64())
  checkCount(cursor, count, GGUF_VALUE_BYTES[type], MAX_ARRAY_ELEMENTS, `elements of ${what}`)
  if (type === 'array') {
    checkCount(cursor, count, GGUF_VALUE_BYTES.array, allowance.nestedArrays, `arrays within ${what}`)
    allowance.nestedArrays -= count
  }
  const typed = numbersOf(type, count)
  if (typed !== undefined) {
    const byteLength = count * GGUF_VALUE_BYTES[type]
    await cursor.need(byteLength, what)
    new Uint8Array(typed.buffer).set(cursor.bytes(byteLength))
    return typed
  }
  const values: GgufValue[] = []
  if (type === 'string') for (let i = 0; i < count; i++) values.push(cursor.takeString() ?? (await readString(cursor, what)))
  else for (let i = 0; i < count; i++) values.push(await readValue(cursor, type, what, depth, allowance))
  return values
}

function numbersOf(type: GgufValueType, count: number): GgufNumbers | undefined {
  switch (type) {
    case 'u8':
      return new Uint8Array(count)
    case 'i8':
      return new Int8Array(count)
    case 'u16':
      return new Uint16Array(count)
    case 'i16':
      return new Int16Array(count)
    case 'u32':
      return new Uint32Array(count)
    case 'i32':
      return new Int32Array(count)
    case 'f32':
      return new Float32Array(count)
    case 'f64':
      return new Float64Array(count)
    default:
      return undefined
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function boolOf(cursor: Cursor, what: string): boolean {
  const byte = cursor.u8()
  if (byte > 1) throw malformed(cursor, `${what}: a boolean is ${byte} instead of 0 or 1`)
  return byte === 1
}

function malformed(cursor: Cursor, message: string, facts: Record<string, unknown> = {}): HenceError {
  return new HenceError('FILE_MALFORMED', `${cursor.path}: ${message}`, { path: cursor.path, offset: cursor.position, ...facts })
}
