import { elementCount, HenceError } from '../../core/index.ts'
import { type ByteSource, collect, type SizedSource, saveTo } from '../byte-sink.ts'
import { STORAGE_TYPES, type StorageType, storageBytes } from '../storage-types.ts'
import { encodeNumber, encodeString, encodeTypedValue, type GgufInput } from './encode-value.ts'

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
  readonly metadata: Readonly<Record<string, GgufInput>> | ReadonlyMap<string, GgufInput>
  readonly tensors: readonly GgufTensorInput[]
}

const DEFAULT_ALIGNMENT = 32

/**
 * A GGUF version 3 file as bytes; for small models whose tensors are given as bytes.
 *
 * @throws HenceError `OPTION_INVALID`
 */
export function encodeGguf(content: GgufContent): Uint8Array {
  return collect(pieces(content))
}

/**
 * Writes a GGUF version 3 file, one piece of one tensor in memory at a time.
 *
 * @throws HenceError `OPTION_INVALID`, `FILE_UNREADABLE`
 */
export async function writeGguf(path: string, content: GgufContent): Promise<void> {
  await saveTo(path, pieces(content))
}

function* pieces({ metadata, tensors }: GgufContent): Generator<SizedSource> {
  const entries = metadata instanceof Map ? new Map<string, GgufInput>(metadata) : new Map<string, GgufInput>(Object.entries(metadata))
  const alignment = Number(entries.get('general.alignment') ?? DEFAULT_ALIGNMENT)
  const paddingAfter = (size: number): SizedSource => {
    const byteLength = Math.ceil(size / alignment) * alignment - size
    return { source: new Uint8Array(byteLength), byteLength }
  }
  const { head, sizes } = encodeHeader(entries, tensors, alignment)
  yield { source: head, byteLength: head.length }
  yield paddingAfter(head.length)
  for (const [i, { data }] of tensors.entries()) {
    const byteLength = sizes[i]!
    yield { source: data, byteLength }
    yield paddingAfter(byteLength)
  }
}

function encodeHeader(
  metadata: ReadonlyMap<string, GgufInput>,
  tensors: readonly GgufTensorInput[],
  alignment: number,
): { head: Uint8Array; sizes: number[] } {
  const parts: Uint8Array[] = [
    Buffer.from('GGUF'),
    encodeNumber('u32', 3),
    encodeNumber('u64', tensors.length),
    encodeNumber('u64', metadata.size),
  ]
  for (const [key, value] of metadata) parts.push(encodeString(key), encodeTypedValue(key, value))
  const sizes: number[] = []
  let offset = 0
  for (const { name, type, shape } of tensors) {
    const { ggufId } = STORAGE_TYPES[type]
    if (ggufId === null) throw new HenceError('OPTION_INVALID', `tensor "${name}": GGUF cannot hold ${type}`, { tensor: name, type })
    const innermostFirst = shape.toReversed().map(size => encodeNumber('u64', size))
    parts.push(
      encodeString(name),
      encodeNumber('u32', shape.length),
      ...innermostFirst,
      encodeNumber('u32', ggufId),
      encodeNumber('u64', offset),
    )
    const size = storageBytes(type, elementCount(shape))
    sizes.push(size)
    offset += Math.ceil(size / alignment) * alignment
  }
  return { head: Buffer.concat(parts), sizes }
}
