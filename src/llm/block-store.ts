import { createHash, randomUUID, webcrypto } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pid } from 'node:process'
import { HenceError, isDiskFull, warn } from '../core/index.ts'

/** A file: this mark, the SHA-256 of all behind it, the SHA-256 by which it is named, and what the block holds. */
const MARK: Uint8Array = new TextEncoder().encode('HENCEKV1')
const DIGEST_BYTES = 32
const NAME_AT = MARK.length + DIGEST_BYTES
const CONTENT_AT = NAME_AT + DIGEST_BYTES
const FILE_NAME = /^[0-9a-f]{64}\.kv$/

/** Copies that may wait for the disk; what comes while it is slower than that is not kept. */
const MOST_QUEUED_BYTES = 256 * 2 ** 20
/** Where files are removed, this share of the bound is left. */
const SHARE_LEFT = 0.9
/** Others may write too: the folder is looked through after so many bytes of one's own. */
const SURVEY_SHARE = 1 / 16
/** A file that is not whole after this long never will be. */
const STRAY_MS = 3_600_000

/** Where blocks are kept, and which. */
export interface BlockStoreOptions {
  readonly folder: string
  /** All but tokens that decides what is in a block: blocks of another identity are never found. */
  readonly identity: string
  /** Bytes of every block. */
  readonly blockBytes: number
  /** Bytes that the files of the folder take at most, those of other models too. */
  readonly maxBytes: number
}

/**
 * Blocks of keys and values in a folder, found by the hash of their tokens. A file is written under a name of its own and renamed
 * when it is whole; it is checked when it is read, and removed when it is damaged. Any number of processes may use a folder. The
 * files not used for longest make room for new ones. A failing disk only means that less is found; it is told once, as a warning.
 */
export class BlockStore {
  readonly #options: BlockStoreOptions
  readonly #fileBytes: number
  /** Files that were there when the folder was last looked through, and those written since. */
  #names = new Set<string>()
  #bytes = 0
  #bytesSinceSurvey = 0
  #queuedBytes = 0
  #wasTold = false
  /** Settles when all that was queued is written. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(options: BlockStoreOptions) {
    this.#options = options
    this.#fileBytes = CONTENT_AT + options.blockBytes
  }

  /**
   * Makes the folder, for this user only, and looks what is there.
   *
   * @throws HenceError `OPTION_INVALID` when the folder cannot be made or read
   */
  static async open(options: BlockStoreOptions): Promise<BlockStore> {
    const store = new BlockStore(options)
    const { folder } = options
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await store.#survey()
    } catch (cause) {
      throw new HenceError('OPTION_INVALID', `the folder ${folder} for blocks cannot be made or read: ${whyOf(cause)}`, { folder, cause })
    }
    return store
  }

  /** True when there is a file for this key; that it is whole is found out by reading it. */
  has(key: string): boolean {
    return this.#names.has(this.#nameOf(key))
  }

  /** What the block holds; undefined when it is not there or damaged. */
  async read(key: string): Promise<Uint8Array | undefined> {
    const name = this.#nameOf(key)
    const path = join(this.#options.folder, name)
    const file = await readWhole(path, this.#fileBytes).catch(cause => this.#tell('read', cause))
    if (file && (await isIntact(file, name))) {
      const now = new Date()
      await utimes(path, now, now).catch(() => {})
      return file.subarray(CONTENT_AT)
    }
    this.#names.delete(name)
    if (file) await rm(path, { force: true }).catch(() => {})
    return undefined
  }

  /** Keeps a block, whose content `fill` writes at once; the disk is waited for by `flush` alone. */
  write(key: string, fill: (content: Uint8Array) => void): void {
    const name = this.#nameOf(key)
    const isTooMuch = this.#queuedBytes + this.#fileBytes > MOST_QUEUED_BYTES || this.#fileBytes > this.#options.maxBytes
    if (this.#names.has(name) || isTooMuch) return
    const file = new Uint8Array(this.#fileBytes)
    file.set(MARK)
    file.set(digestIn(name), NAME_AT)
    fill(file.subarray(CONTENT_AT))
    this.#names.add(name)
    this.#queuedBytes += this.#fileBytes
    this.#writing = this.#writing.then(() => this.#save(name, file))
  }

  /** Waits until all that was written is on its way to the disk. */
  flush(): Promise<void> {
    return this.#writing
  }

  #nameOf(key: string): string {
    return `${createHash('sha256').update(`${this.#options.identity}\n${key}`).digest('hex')}.kv`
  }

  async #save(name: string, file: Uint8Array): Promise<void> {
    const { folder, maxBytes } = this.#options
    const temporary = join(folder, `${randomUUID()}.${pid}.partial`)
    try {
      file.set(await digestOf(file), MARK.length)
      await writeFile(temporary, file, { mode: 0o600 })
      await rename(temporary, join(folder, name))
      this.#bytes += file.length
      this.#bytesSinceSurvey += file.length
      if (this.#bytes > maxBytes || this.#bytesSinceSurvey > maxBytes * SURVEY_SHARE) await this.#survey()
    } catch (cause) {
      // The block is computed again.
      this.#names.delete(name)
      this.#tell('written', cause)
      await rm(temporary, { force: true }).catch(() => {})
    } finally {
      this.#queuedBytes -= file.length
    }
  }

  #tell(what: 'read' | 'written', cause: unknown): undefined {
    const { code: reason } = cause as NodeJS.ErrnoException
    // Others may have removed a file that is to be read.
    if (this.#wasTold || (what === 'read' && reason === 'ENOENT')) return
    this.#wasTold = true
    const { folder } = this.#options
    const hint = 'Answers are as they would be, but take longer where a beginning is computed again; mend the folder or choose another.'
    warn(new HenceError('CACHE_FAILED', `blocks cannot be ${what} in ${folder}: ${whyOf(cause)}`, { folder, reason, hint, cause }))
  }

  /** Looks through the folder, and removes what is too much, longest unused first, and what others left half written. */
  async #survey(): Promise<void> {
    const { folder, maxBytes } = this.#options
    const found: { readonly name: string; readonly bytes: number; readonly usedMs: number }[] = []
    for (const name of await readdir(folder)) {
      const { size: bytes = 0, mtimeMs: usedMs = 0 } = (await stat(join(folder, name)).catch(() => undefined)) ?? {}
      if (FILE_NAME.test(name)) found.push({ name, bytes, usedMs })
      else if (name.endsWith('.partial') && usedMs < Date.now() - STRAY_MS) await rm(join(folder, name), { force: true }).catch(() => {})
    }
    let bytes = found.reduce((sum, file) => sum + file.bytes, 0)
    const mostLeft = bytes > maxBytes ? maxBytes * SHARE_LEFT : maxBytes
    found.sort((a, b) => b.usedMs - a.usedMs)
    while (bytes > mostLeft) {
      const { name, bytes: freed } = found.pop()!
      await rm(join(folder, name), { force: true }).catch(() => {})
      bytes -= freed
    }
    this.#names = new Set(found.map(({ name }) => name))
    this.#bytes = bytes
    this.#bytesSinceSurvey = 0
  }
}

/** Why a disk fails, in words. */
function whyOf(cause: unknown): string {
  if (isDiskFull(cause)) return 'the disk is full'
  const { code, message } = cause as NodeJS.ErrnoException
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'this user may not'
    case 'EROFS':
      return 'the disk is read-only'
    case 'ENOENT':
      return 'there is no such folder'
    case 'ENOTDIR':
    case 'EEXIST':
      return 'it is no folder'
    default:
      return code ?? message
  }
}

/** A file of exactly so many bytes; an empty array for one of other length, since no more than that is ever read. */
async function readWhole(path: string, bytes: number): Promise<Uint8Array> {
  const file = await open(path)
  try {
    if ((await file.stat()).size !== bytes) return new Uint8Array(0)
    const content = new Uint8Array(bytes)
    const { bytesRead } = await file.read(content, 0, bytes, 0)
    return content.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** True for a file that is whole and belongs under its name. */
async function isIntact(file: Uint8Array, name: string): Promise<boolean> {
  if (file.length < CONTENT_AT || Buffer.compare(file.subarray(0, MARK.length), MARK) !== 0) return false
  const isNamed = Buffer.compare(file.subarray(NAME_AT, CONTENT_AT), digestIn(name)) === 0
  return isNamed && Buffer.compare(file.subarray(MARK.length, NAME_AT), await digestOf(file)) === 0
}

/** The digest that a file's own begins with: computed on the runtime's thread pool. */
async function digestOf(file: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.digest('SHA-256', file.subarray(NAME_AT)))
}

function digestIn(name: string): Uint8Array {
  return Buffer.from(name.slice(0, 2 * DIGEST_BYTES), 'hex')
}
