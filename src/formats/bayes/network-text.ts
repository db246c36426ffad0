import { constants, gunzipSync } from 'node:zlib'
import { HenceError } from '../../core/index.ts'

/** Hence's own limit, for the file and for what it unpacks to; the largest published networks have some 10 MB of text. */
export const MAX_NETWORK_BYTES: number = 2 ** 28

/** True for data packed with gzip. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** A file's bytes, unpacked when they are gzip. @throws HenceError `FILE_LIMIT`, `FILE_MALFORMED` */
export function networkBytes(bytes: Uint8Array, where: string): Uint8Array {
  if (!isGzip(bytes)) return bytes
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

/** The first bytes of gzip data, unpacked as far as they go; empty when they are damaged. */
export function gzipHead(head: Uint8Array): Uint8Array {
  try {
    // A flush instead of an end: the data stops in the middle.
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 2 ** 20 })
  } catch {
    return new Uint8Array(0)
  }
}

/** The text in bytes: UTF-8, else Latin-1, which older files are in and which any bytes are. */
export function networkText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  }
}
