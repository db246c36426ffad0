import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { throwIfAborted } from '../core/index.ts'
import type { RemoteFile } from './repository.ts'

const READ_BYTES = 2 ** 20

/**
 * The hash that a file's name in the cache is: SHA-256 of the content (64 digits), or the name git gives it (40 digits),
 * which is SHA-1 over a header with the size and the content.
 */
export function contentHash({ hash, bytes }: RemoteFile): Hash {
  return hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${bytes}\0`)
}

/** Adds the first `bytes` of a file to a hash. */
export async function hashStart(hash: Hash, file: FileHandle, bytes: number, signal: AbortSignal | undefined): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, bytes))
  for (let done = 0; done < bytes; ) {
    throwIfAborted(signal)
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, bytes - done), done)
    if (bytesRead === 0) return
    hash.update(buffer.subarray(0, bytesRead))
    done += bytesRead
  }
}
