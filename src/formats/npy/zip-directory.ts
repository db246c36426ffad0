import { HenceError } from '../../core/index.ts'
import type { ByteFile } from '../byte-file.ts'

/** One file in a ZIP archive. */
export interface ZipEntry {
  readonly name: string
  /** 0 stored, 8 deflated. */
  readonly method: number
  readonly isEncrypted: boolean
  readonly crc32: number
  readonly storedBytes: number
  readonly byteLength: number
  /** Where its local header starts. */
  readonly headerOffset: number
}

/** Hence's own. */
const MAX_ENTRIES = 65_536
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20

const END_SIGNATURE = 0x06054b50
const END_BYTES = 22
const END64_LOCATOR_SIGNATURE = 0x07064b50
const END64_LOCATOR_BYTES = 20
const END64_SIGNATURE = 0x06064b50
const END64_BYTES = 56
const ENTRY_SIGNATURE = 0x02014b50
const ENTRY_BYTES = 46
const MAX_COMMENT_BYTES = 65_535
/** Stands for a size that the 64-bit extension gives. */
const IN_EXTENSION = 0xffffffff

/** Reads the directory at the end of a ZIP archive. Source: PKWARE's APPNOTE, sections 4.3 and 4.5.3. */
export async function readZipDirectory(file: ByteFile, signal?: AbortSignal): Promise<ZipEntry[]> {
  const { count, offset, byteLength } = await findDirectory(file, signal)
  if (count > MAX_ENTRIES || byteLength > MAX_DIRECTORY_BYTES)
    throw new HenceError('FILE_LIMIT', `${file.path}: ${count} entries in ${byteLength} bytes are more than Hence reads`, {
      path: file.path,
      count,
      limit: MAX_ENTRIES,
    })
  const directory = Buffer.from(await file.read(offset, byteLength, signal))
  const entries: ZipEntry[] = []
  for (let at = 0, i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > directory.length || directory.readUInt32LE(at) !== ENTRY_SIGNATURE)
      throw malformed(file, `entry ${i} of ${count} of the directory is damaged`)
    const nameBytes = directory.readUInt16LE(at + 28)
    const extraBytes = directory.readUInt16LE(at + 30)
    const end = at + ENTRY_BYTES + nameBytes + extraBytes + directory.readUInt16LE(at + 32)
    if (end > directory.length) throw malformed(file, `entry ${i} of ${count} reaches beyond the directory`)
    entries.push(readEntry(file, directory.subarray(at, end), nameBytes, extraBytes))
    at = end
  }
  return entries
}

function readEntry(file: ByteFile, entry: Buffer, nameBytes: number, extraBytes: number): ZipEntry {
  const name = entry.toString('utf8', ENTRY_BYTES, ENTRY_BYTES + nameBytes)
  const extra = entry.subarray(ENTRY_BYTES + nameBytes, ENTRY_BYTES + nameBytes + extraBytes)
  const large = largeSizes(extra)
  const size = (at: number): number => {
    const value = entry.readUInt32LE(at)
    if (value !== IN_EXTENSION) return value
    const found = large.shift()
    if (found === undefined) throw malformed(file, `"${name}" lacks its 64-bit sizes`)
    return found
  }
  // The extension has these in this order.
  const byteLength = size(24)
  const storedBytes = size(20)
  const headerOffset = size(42)
  return {
    name,
    method: entry.readUInt16LE(10),
    isEncrypted: (entry.readUInt16LE(8) & 1) === 1,
    crc32: entry.readUInt32LE(16),
    storedBytes,
    byteLength,
    headerOffset,
  }
}

/** The numbers of the 64-bit extension. */
function largeSizes(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = Math.min(extra.length, at + 4 + extra.readUInt16LE(at + 2))
    if (extra.readUInt16LE(at) === 1) {
      const sizes: number[] = []
      for (let i = at + 4; i + 8 <= end; i += 8) sizes.push(Number(extra.readBigUInt64LE(i)))
      return sizes
    }
    at = end
  }
  return []
}

interface Place {
  readonly count: number
  readonly offset: number
  readonly byteLength: number
}

async function findDirectory(file: ByteFile, signal: AbortSignal | undefined): Promise<Place> {
  const tailBytes = Math.min(file.size, END_BYTES + MAX_COMMENT_BYTES + END64_LOCATOR_BYTES)
  const tail = Buffer.from(await file.read(file.size - tailBytes, tailBytes, signal))
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END_SIGNATURE || at + END_BYTES + tail.readUInt16LE(at + 20) !== tail.length) continue
    const count = tail.readUInt16LE(at + 10)
    const byteLength = tail.readUInt32LE(at + 12)
    const offset = tail.readUInt32LE(at + 16)
    const locator = at - END64_LOCATOR_BYTES
    const isLarge = locator >= 0 && tail.readUInt32LE(locator) === END64_LOCATOR_SIGNATURE
    return isLarge ? findLargeDirectory(file, Number(tail.readBigUInt64LE(locator + 8)), signal) : { count, offset, byteLength }
  }
  throw new HenceError('FILE_TRUNCATED', `${file.path}: it does not end as a ZIP archive does`, { path: file.path, fileSize: file.size })
}

async function findLargeDirectory(file: ByteFile, at: number, signal: AbortSignal | undefined): Promise<Place> {
  const end = Buffer.from(await file.read(at, END64_BYTES, signal))
  if (end.readUInt32LE(0) !== END64_SIGNATURE) throw malformed(file, 'the 64-bit end of the directory is damaged')
  return {
    count: Number(end.readBigUInt64LE(32)),
    byteLength: Number(end.readBigUInt64LE(40)),
    offset: Number(end.readBigUInt64LE(48)),
  }
}

function malformed(file: ByteFile, message: string): HenceError {
  return new HenceError('FILE_MALFORMED', `${file.path}: ${message}`, { path: file.path })
}
