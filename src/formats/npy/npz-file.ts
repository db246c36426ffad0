import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import { type ElementType, HenceError, type Tensor } from '../../core/index.ts'
import { ByteFile } from '../byte-file.ts'
import { checkExtents } from '../extents.ts'
import { decodeNpy } from './decode-npy.ts'
import { readZipDirectory, type ZipEntry } from './zip-directory.ts'

const LOCAL_SIGNATURE = 0x04034b50
const LOCAL_BYTES = 30
const STORED = 0
const DEFLATED = 8
/** Deflate cannot expand a byte to more; a larger claim is false. */
const MAX_EXPANSION = 1032

/** Hence's own, for all the compressed arrays of a file together. */
const MAX_EXPANDED_BYTES = 2 ** 32

const inflate = promisify(inflateRaw)

/**
 * Reads every array of a .npz file, as `numpy.savez` and `numpy.savez_compressed` write them.
 *
 * @returns by name, without `.npy`
 * @throws HenceError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_TRUNCATED`, `FILE_MALFORMED`, `FILE_LIMIT`,
 *   `FORMAT_UNSUPPORTED`, `ABORTED`
 */
export async function readNpz(
  path: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Map<string, Tensor<ElementType>>> {
  const file = await ByteFile.open(path)
  try {
    const entries = await readZipDirectory(file, options.signal)
    // Entries that share bytes could expand a small file many times over.
    checkExtents(
      file.path,
      file.size,
      entries.map(({ name, headerOffset, storedBytes }) => ({ name, offset: headerOffset, byteLength: LOCAL_BYTES + storedBytes })),
    )
    checkExpansion(file, entries)
    const tensors = new Map<string, Tensor<ElementType>>()
    for (const entry of entries) {
      const name = entry.name.replace(/\.npy$/, '')
      if (tensors.has(name)) throw malformed(file, `the array "${name}" appears twice`)
      tensors.set(name, decodeNpy(await readEntry(file, entry, options.signal), `${file.path}: "${entry.name}"`))
    }
    return tensors
  } finally {
    await file.close()
  }
}

function checkExpansion(file: ByteFile, entries: readonly ZipEntry[]): void {
  const expanded = entries.reduce((sum, { method, byteLength }) => sum + (method === STORED ? 0 : byteLength), 0)
  if (expanded > MAX_EXPANDED_BYTES)
    throw new HenceError('FILE_LIMIT', `${file.path}: ${expanded} bytes of compressed arrays are more than ${MAX_EXPANDED_BYTES}`, {
      path: file.path,
      expanded,
      limit: MAX_EXPANDED_BYTES,
    })
}

async function readEntry(file: ByteFile, entry: ZipEntry, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const { name, method, isEncrypted, headerOffset, storedBytes, byteLength } = entry
  if (isEncrypted || (method !== STORED && method !== DEFLATED))
    throw new HenceError(
      'FORMAT_UNSUPPORTED',
      `${file.path}: "${name}" is ${isEncrypted ? 'encrypted' : `compressed by method ${method}`}`,
      {
        path: file.path,
        name,
        method,
      },
    )
  const local = Buffer.from(await file.read(headerOffset, LOCAL_BYTES, signal))
  if (local.readUInt32LE(0) !== LOCAL_SIGNATURE) throw malformed(file, `"${name}" does not begin where the directory says`)
  const start = headerOffset + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28)
  if (method === STORED ? byteLength !== storedBytes : byteLength > MAX_EXPANSION * (storedBytes + 1))
    throw malformed(file, `"${name}" claims ${byteLength} bytes from ${storedBytes}`)
  const stored = await file.read(start, storedBytes, signal)
  const content = method === STORED ? stored : await expand(file, name, stored, byteLength)
  if (content.length !== byteLength) throw malformed(file, `"${name}" has ${content.length} bytes, ${byteLength} are stated`)
  if (crc32(content) !== entry.crc32) throw malformed(file, `the checksum of "${name}" is wrong`)
  return content
}

async function expand(file: ByteFile, name: string, stored: Uint8Array, byteLength: number): Promise<Uint8Array> {
  try {
    return await inflate(stored, { maxOutputLength: Math.max(1, byteLength) })
  } catch (cause) {
    throw new HenceError('FILE_MALFORMED', `${file.path}: "${name}" is not ${byteLength} bytes of deflated data`, {
      path: file.path,
      name,
      cause,
    })
  }
}

function malformed(file: ByteFile, message: string): HenceError {
  return new HenceError('FILE_MALFORMED', `${file.path}: ${message}`, { path: file.path })
}
