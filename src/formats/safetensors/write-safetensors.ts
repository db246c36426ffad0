import { elementCount, HenceError } from '../../core/index.ts'
import { type ByteSource, collect, type SizedSource, saveTo } from '../byte-sink.ts'
import { type StorageType, storageBytes } from '../storage-types.ts'
import { safetensorsDtype } from './dtypes.ts'

/** A tensor to write. */
export interface SafetensorsTensorInput {
  readonly name: string
  readonly type: StorageType
  /** Row-major, outermost first. */
  readonly shape: readonly number[]
  /** Encoded elements, or a function that yields them in pieces when their turn comes. */
  readonly data: ByteSource
}

/** What a safetensors file is made of. */
export interface SafetensorsContent {
  readonly tensors: readonly SafetensorsTensorInput[]
  readonly metadata?: Readonly<Record<string, string>>
}

/** A safetensors file as bytes; for small models whose tensors are given as bytes. */
export function encodeSafetensors(content: SafetensorsContent): Uint8Array {
  return collect(pieces(content))
}

/** Writes a safetensors file, one piece of one tensor in memory at a time. */
export async function writeSafetensors(path: string, content: SafetensorsContent): Promise<void> {
  await saveTo(path, pieces(content))
}

function* pieces({ tensors, metadata }: SafetensorsContent): Generator<SizedSource> {
  const entries: [string, unknown][] = metadata === undefined ? [] : [['__metadata__', metadata]]
  let offset = 0
  const sizes: number[] = []
  for (const { name, type, shape } of tensors) {
    const dtype = safetensorsDtype(type)
    if (dtype === undefined)
      throw new HenceError('OPTION_INVALID', `tensor "${name}": safetensors cannot hold ${type}`, { tensor: name, type })
    const size = storageBytes(type, elementCount(shape))
    entries.push([name, { dtype, shape, data_offsets: [offset, offset + size] }])
    sizes.push(size)
    offset += size
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  // Spaces after the JSON align the data to 8 bytes.
  const head = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ')
  head.writeBigUInt64LE(BigInt(head.length - 8))
  json.copy(head, 8)
  yield { source: head, byteLength: head.length }
  for (const [i, { data }] of tensors.entries()) yield { source: data, byteLength: sizes[i]! }
}
