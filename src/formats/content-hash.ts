import { createHash, randomUUID, webcrypto } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pid } from 'node:process'
import { HenceError, throwIfAborted } from '../core/index.ts'
import { ByteFile } from './byte-file.ts'
import type { FileIdentity } from './checkpoint.ts'

const PIECE_BYTES = 8 * 2 ** 20
const PIECES_IN_FLIGHT = 4

/** How far a hash has come, in bytes over all files. */
export interface HashProgress {
  readonly bytesDone: number
  readonly bytesTotal: number
}

export interface HashOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: HashProgress) => void) | undefined
}

/**
 * A digest of the content of files, in order: SHA-256 over the lengths of the files and the SHA-256 of each 8 MiB piece.
 * Pieces are hashed on the runtime's thread pool, so the event loop stays free and several cores take part.
 *
 * @returns 64 hexadecimal digits
 * @throws HenceError `FILE_UNREADABLE` when a file changed since it was identified, `FILE_NOT_FOUND`, `FILE_TRUNCATED`, `ABORTED`
 */
export async function contentHash(files: readonly FileIdentity[], options: HashOptions = {}): Promise<string> {
  const { signal, onProgress } = options
  const bytesTotal = files.reduce((sum, file) => sum + file.size, 0)
  let bytesDone = 0
  const whole = createHash('sha256')
  for (const identity of files) {
    whole.update(`${identity.size}\n`)
    const file = await ByteFile.open(identity.path)
    try {
      if (file.size !== identity.size || file.identity.mtimeMs !== identity.mtimeMs || file.identity.inode !== identity.inode)
        throw new HenceError('FILE_UNREADABLE', `${identity.path} changed while it was in use`, {
          path: identity.path,
          hint: 'Load the model again.',
        })
      for await (const { digest, byteLength } of digests(file, signal)) {
        throwIfAborted(signal)
        whole.update(digest)
        bytesDone += byteLength
        onProgress?.({ bytesDone, bytesTotal })
      }
    } finally {
      await file.close()
    }
  }
  return whole.digest('hex')
}

/**
 * {@link contentHash} with a note of it in a folder, for files with the same size, time and inode. A folder that cannot be written
 * to only means that it is computed again.
 *
 * @throws HenceError as {@link contentHash}
 */
export async function rememberedContentHash(folder: string, files: readonly FileIdentity[], options: HashOptions = {}): Promise<string> {
  const identity = JSON.stringify(files.map(({ path, size, mtimeMs, inode }) => [path, size, mtimeMs, inode]))
  const note = join(folder, `${createHash('sha256').update(identity).digest('hex').slice(0, 32)}.content`)
  const known = await readFile(note, 'utf8').catch(() => '')
  if (/^[0-9a-f]{64}$/.test(known)) return known
  const hash = await contentHash(files, options)
  const temporary = join(folder, `${randomUUID()}.${pid}.partial`)
  await writeFile(temporary, hash, { mode: 0o600 })
    .then(() => rename(temporary, note))
    .catch(() => rm(temporary, { force: true }).catch(() => {}))
  return hash
}

interface PieceDigest {
  readonly digest: Uint8Array
  readonly byteLength: number
}

/** Digests of consecutive pieces, in order, with a few on their way at a time. */
async function* digests(file: ByteFile, signal: AbortSignal | undefined): AsyncGenerator<PieceDigest> {
  const inFlight: Promise<PieceDigest>[] = []
  try {
    for (let offset = 0; offset < file.size || inFlight.length > 0; ) {
      while (offset < file.size && inFlight.length < PIECES_IN_FLIGHT) {
        const piece = digestPiece(file, offset, signal)
        piece.catch(() => {})
        inFlight.push(piece)
        offset += PIECE_BYTES
      }
      yield await inFlight.shift()!
    }
  } finally {
    await Promise.allSettled(inFlight)
  }
}

async function digestPiece(file: ByteFile, offset: number, signal: AbortSignal | undefined): Promise<PieceDigest> {
  const bytes = await file.read(offset, Math.min(PIECE_BYTES, file.size - offset), signal)
  return { digest: new Uint8Array(await webcrypto.subtle.digest('SHA-256', bytes)), byteLength: bytes.length }
}
