import { constants } from 'node:buffer'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { HenceError, nearest, throwIfAborted } from '../core/index.ts'
import type { FileIdentity } from './checkpoint.ts'

/** Bytes asked of the operating system at once; an abort is seen between two of them. */
const PIECE_BYTES = 64 * 2 ** 20

/** A regular file opened for positional reads that never go beyond the size it had when opened. */
export class ByteFile {
  readonly identity: FileIdentity
  #handle: FileHandle | undefined

  private constructor(identity: FileIdentity, handle: FileHandle) {
    this.identity = identity
    this.#handle = handle
  }

  /** @throws HenceError `FILE_NOT_FOUND` (with the nearest name in the folder), `FILE_UNREADABLE` */
  static async open(path: string): Promise<ByteFile> {
    const absolute = resolve(path)
    let handle: FileHandle | undefined
    try {
      // Opening a pipe would wait for its writer, so the kind is checked first.
      if (!(await stat(absolute)).isFile()) throw new HenceError('FILE_UNREADABLE', `${absolute} is not a regular file`, { path: absolute })
      handle = await open(absolute, 'r')
      const stats = await handle.stat()
      return new ByteFile({ path: absolute, size: stats.size, mtimeMs: stats.mtimeMs, inode: stats.ino }, handle)
    } catch (error) {
      await handle?.close()
      throw await explainOpenFailure(absolute, error)
    }
  }

  get path(): string {
    return this.identity.path
  }

  get size(): number {
    return this.identity.size
  }

  /**
   * Exactly `length` bytes from `offset`, in memory of their own.
   *
   * @throws HenceError `FILE_TRUNCATED`, `FILE_UNREADABLE`, `OUT_OF_MEMORY`, `DISPOSED`, `ABORTED`
   */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (offset + length > this.size) throw this.#truncated(offset, length, this.size)
    const bytes = this.#allocate(length)
    let done = 0
    while (done < length) {
      throwIfAborted(signal)
      const handle = this.#handle
      if (handle === undefined) throw new HenceError('DISPOSED', `${this.path} was closed`, { path: this.path })
      let bytesRead: number
      try {
        ;({ bytesRead } = await handle.read(bytes, done, Math.min(PIECE_BYTES, length - done), offset + done))
      } catch (cause) {
        throw new HenceError('FILE_UNREADABLE', `${this.path}: reading ${length} bytes at ${offset} failed`, {
          path: this.path,
          offset,
          length,
          cause,
        })
      }
      if (bytesRead === 0) throw this.#truncated(offset, length, offset + done)
      done += bytesRead
    }
    return bytes
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  #allocate(length: number): Uint8Array {
    if (length > constants.MAX_LENGTH)
      throw new HenceError(
        'OPTION_INVALID',
        `${length} bytes are more than one read can return (${constants.MAX_LENGTH}); read in ranges`,
        {
          length,
          limit: constants.MAX_LENGTH,
        },
      )
    try {
      const buffer = Buffer.allocUnsafeSlow(length)
      return new Uint8Array(buffer.buffer, buffer.byteOffset, length)
    } catch (cause) {
      throw new HenceError('OUT_OF_MEMORY', `no memory for ${length} bytes of ${this.path}`, { path: this.path, length, cause })
    }
  }

  #truncated(offset: number, length: number, size: number): HenceError {
    return new HenceError('FILE_TRUNCATED', `${this.path}: offset ${offset} + ${length} bytes ends beyond the file (${size} bytes)`, {
      path: this.path,
      offset,
      length,
      size,
    })
  }
}

/** Closes every file, whatever happens to each. */
export async function closeAll(files: readonly ByteFile[]): Promise<void> {
  await Promise.allSettled(files.map(file => file.close()))
}

async function explainOpenFailure(path: string, error: unknown): Promise<unknown> {
  if (error instanceof HenceError) return error
  const reason = (error as NodeJS.ErrnoException).code
  if (reason === 'ENOENT' || reason === 'ENOTDIR') return fileNotFound(path)
  return new HenceError('FILE_UNREADABLE', `cannot open ${path}: ${reason ?? String(error)}`, { path, reason, cause: error })
}

/** `FILE_NOT_FOUND` for `path`, with the nearest name in its folder when there is one. */
export async function fileNotFound(path: string): Promise<HenceError> {
  const folder = dirname(path)
  const names = await readdir(folder).catch(() => undefined)
  const suggestion = names && nearest(basename(path), names)
  const remark =
    names === undefined ? `: the folder ${folder} does not exist` : suggestion === undefined ? '' : `; did you mean ${suggestion}?`
  return new HenceError('FILE_NOT_FOUND', `${path} does not exist${remark}`, { path, suggestion })
}
