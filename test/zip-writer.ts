import { crc32, deflateRawSync } from 'node:zlib'

/** A file to put into an archive. */
export interface ZipInput {
  readonly name: string
  readonly content: Uint8Array
  readonly isDeflated?: boolean
  /** Sizes in the 64-bit extension, as NumPy writes those of large arrays. */
  readonly isLarge?: boolean
}

/** A ZIP archive. Source: PKWARE's APPNOTE. */
export function encodeZip(files: readonly ZipInput[]): Uint8Array {
  const bodies: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const file of files) {
    const stored = file.isDeflated ? deflateRawSync(file.content) : file.content
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(file.isDeflated ? 8 : 0, 4)
    common.writeUInt32LE(crc32(file.content), 10)
    common.writeUInt32LE(file.isLarge ? 0xffffffff : stored.length, 14)
    common.writeUInt32LE(file.isLarge ? 0xffffffff : file.content.length, 18)
    common.writeUInt16LE(file.name.length, 22)
    const extra = file.isLarge ? largeSizes(file.content.length, stored.length) : Buffer.alloc(0)
    common.writeUInt16LE(extra.length, 24)
    const local = Buffer.concat([signature(0x04034b50), common, Buffer.from(file.name), extra, stored])
    const where = Buffer.alloc(14)
    where.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([signature(0x02014b50), common.subarray(0, 2), common, where, Buffer.from(file.name), extra]))
    bodies.push(local)
    offset += local.length
  }
  const index = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(files.length, 4)
  end.writeUInt16LE(files.length, 6)
  end.writeUInt32LE(index.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...bodies, index, signature(0x06054b50), end])
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function largeSizes(byteLength: number, storedBytes: number): Buffer {
  const extra = Buffer.alloc(20)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(16, 2)
  extra.writeBigUInt64LE(BigInt(byteLength), 4)
  extra.writeBigUInt64LE(BigInt(storedBytes), 12)
  return extra
}
