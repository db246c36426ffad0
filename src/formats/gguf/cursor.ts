import { HenceError } from '../../core/index.ts'
import type { ByteFile } from '../byte-file.ts'

const CHUNK_BYTES = 2 ** 20

/** Largest GGUF header read. The largest published tokenizers take some 30 MB. */
const MAX_HEADER_BYTES = 256 * 2 ** 20

/**
 * Walks a file from its start through a window of about a megabyte. Values are taken synchronously once
 * {@link Cursor.need} has made their bytes present.
 */
export class Cursor {
  readonly #file: ByteFile
  readonly #signal: AbortSignal | undefined
  #window = Buffer.alloc(0)
  #view = new DataView(new ArrayBuffer(0))
  #at = 0
  #windowStart = 0

  constructor(file: ByteFile, signal?: AbortSignal) {
    this.#file = file
    this.#signal = signal
  }

  get path(): string {
    return this.#file.path
  }

  /** File offset of the next byte. */
  get position(): number {
    return this.#windowStart + this.#at
  }

  /** Bytes from the next one to the end of the file. */
  get remaining(): number {
    return this.#file.size - this.position
  }

  /** True when `count` bytes can be taken without waiting. */
  has(count: number): boolean {
    return this.#at + count <= this.#window.length
  }

  /** Makes `count` bytes present; `what` names them in the error when the file ends first. */
  async need(count: number, what: string): Promise<void> {
    if (this.has(count)) return
    const { position, remaining } = this
    if (count > remaining)
      throw new HenceError(
        'FILE_TRUNCATED',
        `${this.path}: ${what}: offset ${position} + ${count} bytes ends beyond the file (${this.#file.size} bytes)`,
        {
          path: this.path,
          offset: position,
          byteLength: count,
          fileSize: this.#file.size,
        },
      )
    if (position + count > MAX_HEADER_BYTES)
      throw new HenceError(
        'FILE_LIMIT',
        `${this.path}: ${what}: the header goes on beyond ${MAX_HEADER_BYTES} bytes, a limit of Hence's reader`,
        {
          path: this.path,
          offset: position,
          byteLength: count,
          limit: MAX_HEADER_BYTES,
        },
      )
    const { buffer, byteOffset, length } = await this.#file.read(position, Math.min(remaining, Math.max(count, CHUNK_BYTES)), this.#signal)
    this.#window = Buffer.from(buffer as ArrayBuffer, byteOffset, length)
    this.#view = new DataView(buffer as ArrayBuffer, byteOffset, length)
    this.#windowStart = position
    this.#at = 0
  }

  bytes(count: number): Uint8Array {
    const start = this.#advance(count)
    return this.#window.subarray(start, start + count)
  }

  /** The next `count` bytes as UTF-8, each invalid sequence as U+FFFD. */
  text(count: number): string {
    const start = this.#advance(count)
    return this.#window.toString('utf8', start, start + count)
  }

  /** A string after its 64-bit length when both are present without waiting; else undefined and nothing is taken. */
  takeString(): string | undefined {
    const start = this.#at + 8
    if (start > this.#window.length) return undefined
    const end = start + Number(this.#view.getBigUint64(this.#at, true))
    if (end > this.#window.length) return undefined
    this.#at = end
    return this.#window.toString('utf8', start, end)
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  i8(): number {
    return this.#view.getInt8(this.#advance(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true)
  }

  i16(): number {
    return this.#view.getInt16(this.#advance(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true)
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true)
  }

  f32(): number {
    return this.#view.getFloat32(this.#advance(4), true)
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true)
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true)
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#advance(8), true)
  }

  #advance(count: number): number {
    const start = this.#at
    this.#at = start + count
    return start
  }
}
