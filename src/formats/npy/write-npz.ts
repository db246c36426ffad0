import { crc32 } from 'node:zlib'
import { type ElementType, HenceError, type Tensor } from '../../core/index.ts'
import { type SizedSource, saveTo } from '../byte-sink.ts'
import { encodeNpy } from './encode-npy.ts'

/** Sizes and offsets of the plain ZIP format are 32 bits. */
const MAX_BYTES = 2 ** 32 - 1
const MAX_ENTRIES = 2 ** 16 - 1
/** 1 January 1980, the earliest a ZIP file can say. */
const DATE = 0x21

/**
 * Writes tensors as an uncompressed .npz file. Source: PKWARE's APPNOTE.
 *
 * @throws HenceError `FILE_UNREADABLE`, `OPTION_INVALID` (more than 4 GB, or as {@link encodeNpy})
 */
export async function writeNpz(path: string, tensors: ReadonlyMap<string, Tensor<ElementType>>): Promise<void> {
  const pieces: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  const add = (piece: Uint8Array): void => {
    pieces.push(piece)
    offset += piece.length
  }
  for (const [key, tensor] of tensors) {
    const name = Buffer.from(`${key}.npy`)
    const content = encodeNpy(tensor)
    const common = commonHeader(name, content)
    directory.push(centralHeader(common, name, offset))
    add(Buffer.concat([signature(0x04034b50), common, name]))
    add(content)
  }
  const start = offset
  const index = Buffer.concat(directory)
  add(index)
  if (offset > MAX_BYTES || tensors.size > MAX_ENTRIES)
    throw new HenceError('OPTION_INVALID', `${path}: ${offset} bytes in ${tensors.size} arrays are more than a plain .npz file holds`, {
      path,
      bytes: offset,
      hint: 'Write a .safetensors file instead.',
    })
  const end = Buffer.alloc(18)
  end.writeUInt16LE(tensors.size, 4)
  end.writeUInt16LE(tensors.size, 6)
  end.writeUInt32LE(index.length, 8)
  end.writeUInt32LE(start, 12)
  add(Buffer.concat([signature(0x06054b50), end]))
  await saveTo(
    path,
    pieces.map((source): SizedSource => ({ source, byteLength: source.length })),
  )
}

/** What an entry says both before its content and in the directory. */
function commonHeader(name: Uint8Array, content: Uint8Array): Buffer {
  const header = Buffer.alloc(26)
  header.writeUInt16LE(20, 0)
  // Names are UTF-8.
  header.writeUInt16LE(0x800, 2)
  header.writeUInt16LE(DATE, 8)
  header.writeUInt32LE(crc32(content), 10)
  header.writeUInt32LE(content.length % 2 ** 32, 14)
  header.writeUInt32LE(content.length % 2 ** 32, 18)
  header.writeUInt16LE(name.length, 22)
  return header
}

function centralHeader(common: Buffer, name: Uint8Array, offset: number): Buffer {
  const place = Buffer.alloc(14)
  place.writeUInt32LE(offset % 2 ** 32, 10)
  return Buffer.concat([signature(0x02014b50), common.subarray(0, 2), common, place, name])
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
