import { elementCount, HenceError } from '../../core/index.ts'
import { type ByteSource, collect, saveTo } from '../byte-sink.ts'
import { STORAGE_TYPES, type StorageType, storageBytes } from '../storage-types.ts'
import { GGUF_VALUE_TYPES, type GgufValue, type GgufValueType } from './values.ts'

/** A metadata value to write; `{ type, value }` fixes the type of a number that would otherwise be inferred. */
export type GgufInput =
  | GgufValue
  | { readonly type: 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'u64' | 'i64' | 'f64'; readonly value: number | bigint }

/** A tensor to write. */
export interface GgufTensorInput {
  readonly name: string
  readonly type: StorageType
  /** Row-major, outermost first. */
  readonly shape: readonly number[]
  /** Encoded elements, or a function that yields them in pieces when their turn comes. */
  readonly data: ByteSource
}

/** What a GGUF file is made of. */
export interface GgufContent {
  readonly metadata: ReadonlyMap<string, GgufInput> | Readonly<Record<string, GgufInput>>
  readonly tensors: readonly GgufTensorInput[]
}

const DEFAULT_ALIGNMENT = 32

/** A GGUF version 3 file as bytes; for small models whose tensors are given as bytes. */
export function encodeGguf(content: GgufContent): Uint8Array {
  return collect(pieces(content))
}

/** Writes a GGUF version 3 file, one piece of one tensor in memory at a time. */
export async function writeGguf(path: string, content: GgufContent): Promise<void> {
  await saveTo(path, pieces(content))
}

function* pieces(content: GgufContent): Generator<{ source: ByteSource; byteLength: number }> {
  const entries = content.metadata instanceof Map ? [...content.metadata] : Object.entries(content.metadata as Record<string, GgufInput>)
  const alignment = Number(
    content.metadata instanceof Map
      ? (content.metadata.get('general.alignment') ?? 32)
      : (entries.find(([key]) => key === 'general.alignment')?.[1] ?? DEFAULT_ALIGNMENT),
  )
  const padded = (size: number): number => Math.ceil(size / alignment) * alignment
  const header: Uint8Array[] = [Buffer.from('GGUF'), u32(3), u64(content.tensors.length), u64(entries.length)]
  for (const [key, value] of entries) header.push(text(key), ...typedValue(key, value))
  let offset = 0
  const sizes: number[] = []
  for (const { name, type, shape } of content.tensors) {
    const { ggufId } = STORAGE_TYPES[type]
    if (ggufId === null) throw new HenceError('OPTION_INVALID', `tensor "${name}": GGUF cannot hold ${type}`, { tensor: name, type })
    const size = storageBytes(type, elementCount(shape))
    header.push(text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(ggufId), u64(offset))
    sizes.push(size)
    offset += padded(size)
  }
  const head = Buffer.concat(header)
  yield { source: head, byteLength: head.length }
  yield { source: new Uint8Array(padded(head.length) - head.length), byteLength: padded(head.length) - head.length }
  for (const [i, { data }] of content.tensors.entries()) {
    const size = sizes[i]!
    yield { source: data, byteLength: size }
    yield { source: new Uint8Array(padded(size) - size), byteLength: padded(size) - size }
  }
}

function typedValue(key: string, value: GgufInput): Uint8Array[] {
  const { type, bytes } = encodeValue(key, value)
  return [u32(GGUF_VALUE_TYPES.indexOf(type)), ...bytes]
}

function encodeValue(key: string, value: GgufInput): { type: GgufValueType; bytes: Uint8Array[] } {
  if (typeof value === 'string') return { type: 'string', bytes: [text(value)] }
  if (typeof value === 'boolean') return { type: 'bool', bytes: [Uint8Array.of(value ? 1 : 0)] }
  if (typeof value === 'number' || typeof value === 'bigint') {
    const type = inferScalar(value)
    return { type, bytes: [scalar(type, value)] }
  }
  if (ArrayBuffer.isView(value)) {
    const type = ARRAY_TYPES[value.constructor.name]!
    return {
      type: 'array',
      bytes: [u32(GGUF_VALUE_TYPES.indexOf(type)), u64(value.length), new Uint8Array(value.buffer, value.byteOffset, value.byteLength)],
    }
  }
  if ('type' in value) return { type: value.type, bytes: [scalar(value.type, value.value)] }
  return encodeArray(key, value)
}

function encodeArray(key: string, values: readonly GgufValue[]): { type: GgufValueType; bytes: Uint8Array[] } {
  const integers = values.every(value => typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value)))
  const elements =
    integers && values.length > 0
      ? values.map(value => ({ type: 'i64' as const, bytes: [scalar('i64', value as number | bigint)] }))
      : values.map(value => (typeof value === 'number' ? { type: 'f64' as const, bytes: [scalar('f64', value)] } : encodeValue(key, value)))
  const type = elements[0]?.type ?? 'string'
  if (elements.some(element => element.type !== type))
    throw new HenceError('OPTION_INVALID', `metadata "${key}": an array mixes types`, { key })
  return { type: 'array', bytes: [u32(GGUF_VALUE_TYPES.indexOf(type)), u64(values.length), ...elements.flatMap(element => element.bytes)] }
}

const ARRAY_TYPES: Readonly<Record<string, GgufValueType>> = {
  Uint8Array: 'u8',
  Int8Array: 'i8',
  Uint16Array: 'u16',
  Int16Array: 'i16',
  Uint32Array: 'u32',
  Int32Array: 'i32',
  Float32Array: 'f32',
  Float64Array: 'f64',
}

function inferScalar(value: number | bigint): GgufValueType {
  if (typeof value === 'bigint') return value < 0n ? 'i64' : 'u64'
  if (!Number.isSafeInteger(value)) return 'f32'
  if (value < 0) return value >= -(2 ** 31) ? 'i32' : 'i64'
  return value < 2 ** 32 ? 'u32' : 'u64'
}

function scalar(type: GgufValueType, value: number | bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(8))
  const number = Number(value)
  const bytes = (length: number): Uint8Array => new Uint8Array(view.buffer, 0, length)
  switch (type) {
    case 'u8':
    case 'i8':
      view.setUint8(0, number)
      return bytes(1)
    case 'u16':
    case 'i16':
      view.setUint16(0, number, true)
      return bytes(2)
    case 'u32':
    case 'i32':
      view.setUint32(0, number, true)
      return bytes(4)
    case 'f32':
      view.setFloat32(0, number, true)
      return bytes(4)
    case 'f64':
      view.setFloat64(0, number, true)
      return bytes(8)
    default:
      view.setBigInt64(0, BigInt(value), true)
      return bytes(8)
  }
}

function u32(value: number): Uint8Array {
  return scalar('u32', value)
}

function u64(value: number): Uint8Array {
  return scalar('u64', value)
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value)
  return Buffer.concat([u64(bytes.length), bytes])
}
