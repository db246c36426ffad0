import { gunzipSync } from 'node:zlib'
import { HenceError } from '../../core/index.ts'
import { readSmallFile } from '../json-file.ts'

/** Hence's own limit; the largest published networks take some 10 MB as text. */
export const MAX_NETWORK_BYTES: number = 2 ** 28

/** The text of a network file, unpacked when it is gzip. @throws HenceError `FILE_LIMIT`, `FILE_MALFORMED` and those of reading */
export async function readNetworkText(path: string, signal?: AbortSignal): Promise<string> {
  return networkText(await readSmallFile(path, MAX_NETWORK_BYTES, signal), path)
}

/** {@link readNetworkText} of bytes in memory. */
export function networkText(bytes: Uint8Array, where: string): string {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzip(bytes, where) : bytes
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(plain)
  } catch {
    // Older files are in Latin-1, which every sequence of bytes is.
    return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString('latin1')
  }
}

function gunzip(bytes: Uint8Array, where: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_NETWORK_BYTES })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new HenceError('FILE_LIMIT', `${where}: unpacks to more than ${MAX_NETWORK_BYTES} bytes, a limit of Hence's reader`, {
        where,
        limit: MAX_NETWORK_BYTES,
      })
    throw new HenceError('FILE_MALFORMED', `${where}: the gzip data is damaged: ${(cause as Error).message}`, { where, cause })
  }
}
