import type { Hash } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { HenceError } from '../core/index.ts'
import { contentHash, hashStart } from './content-check.ts'
import { diskError } from './disk-space.ts'
import { withFileLock } from './file-lock.ts'
import type { RepositoryCache } from './hub-cache.ts'
import { exchange, type Hub, passingFailure } from './hub-request.ts'
import { refusal } from './refusal.ts'
import { fileAddress, type RemoteFile } from './repository.ts'
import { withRetries } from './retry.ts'

/** One file to fetch. */
export interface Download {
  readonly cache: RepositoryCache
  readonly commit: string
  readonly file: RemoteFile
  /** Called with the bytes gained, from the network or from an earlier attempt; negative when they were thrown away. */
  onBytes(bytes: number, origin: 'network' | 'disk'): void
}

/** Where an unfinished download is kept. */
export function partialPath({ blobs }: RepositoryCache, { hash }: RemoteFile): string {
  // Other clients write to names of their own, without a lock that Hence could share.
  return join(blobs, `${hash}.hence.incomplete`)
}

/** True when the content is in the cache. */
export async function hasContent({ blobs }: RepositoryCache, { hash, bytes }: RemoteFile): Promise<boolean> {
  return (await stat(join(blobs, hash)).catch(() => undefined))?.size === bytes
}

/**
 * Fetches the content of a file into the cache, going on where an earlier attempt stopped. Its name appears only once all
 * bytes are there and have the right hash.
 *
 * @returns false when another process had fetched it in the meantime
 * @throws HenceError `DOWNLOAD_CORRUPT`, `DISK_FULL`, `HUB_UNREACHABLE`, `HUB_DENIED`, `HUB_NOT_FOUND`, `ABORTED`
 */
export async function download(hub: Hub, job: Download): Promise<boolean> {
  const { cache, file } = job
  return withFileLock(join(cache.locks, `${file.hash}.hence`), hub.signal, async () => {
    if (await hasContent(cache, file)) {
      job.onBytes(file.bytes, 'disk')
      return false
    }
    if (!(await fetchContent(hub, job)) && !(await fetchContent(hub, job))) throw corrupt(job)
    return true
  })
}

/** @returns whether the bytes were right; they are thrown away when they were not */
async function fetchContent(hub: Hub, job: Download): Promise<boolean> {
  const { cache, file } = job
  const path = partialPath(cache, file)
  const handle = await open(path, 'r+')
    .catch(() => open(path, 'w+'))
    .catch(error => {
      throw diskError(error, path)
    })
  try {
    const partial = await Partial.of(handle, path, job, hub.signal)
    await withRetries(hub, progressed => fetchRest(hub, job, partial, progressed))
    if (!partial.isRight()) {
      await rm(path, { force: true })
      job.onBytes(-file.bytes, 'disk')
      return false
    }
    await handle.sync()
  } finally {
    const { size } = await handle.stat()
    await handle.close()
    if (size === 0 && file.bytes > 0) await rm(path, { force: true })
  }
  await rename(path, join(cache.blobs, file.hash))
  return true
}

async function fetchRest(hub: Hub, job: Download, partial: Partial, progressed: () => void): Promise<void> {
  const { cache, commit, file } = job
  if (partial.bytes >= file.bytes) return
  const { repository } = cache
  const address = fileAddress(hub, repository, commit, file.path)
  const headers: Record<string, string> = partial.bytes > 0 ? { range: `bytes=${partial.bytes}-` } : {}
  await exchange(hub, address, { headers }, async (response, body) => {
    if (response.status === 416) return partial.restart()
    if (!response.ok) throw refusal(response, address, { repository, revision: commit, file: file.path }, hub.settings.token !== undefined)
    if (partial.bytes > 0 && rangeStart(response) !== partial.bytes) await partial.restart()
    if (rangeStart(response) !== partial.bytes) throw passingFailure(address, 'the hub sent another part of the file than was asked for')
    for await (const chunk of body) {
      // More than was promised cannot be right; the hash will say so.
      const kept = chunk.subarray(0, file.bytes - partial.bytes)
      if (await partial.append(kept)) progressed()
      if (kept.length < chunk.length) return
    }
  })
  if (partial.bytes < file.bytes) throw passingFailure(address, `the connection ended after ${partial.bytes} of ${file.bytes} bytes`)
}

/** The first byte that an answer carries; 0 for a whole file. */
function rangeStart(response: Response): number {
  if (response.status !== 206) return 0
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN)
}

/** What there is of a file, and the hash of it so far. */
class Partial {
  bytes = 0
  #most = 0
  #hash: Hash
  readonly #handle: FileHandle
  readonly #path: string
  readonly #job: Download

  private constructor(handle: FileHandle, path: string, job: Download) {
    this.#handle = handle
    this.#path = path
    this.#job = job
    this.#hash = contentHash(job.file)
  }

  /** Takes over what an earlier attempt left. */
  static async of(handle: FileHandle, path: string, job: Download, signal: AbortSignal | undefined): Promise<Partial> {
    const partial = new Partial(handle, path, job)
    const { size } = await handle.stat()
    if (size > job.file.bytes) await handle.truncate(0)
    else if (size > 0) {
      await hashStart(partial.#hash, handle, size, signal)
      partial.bytes = size
      job.onBytes(size, 'disk')
    }
    return partial
  }

  /** @returns whether there is more of the file now than there ever was */
  async append(chunk: Uint8Array): Promise<boolean> {
    try {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.#handle.write(chunk, done, chunk.length - done, this.bytes + done)
        done += bytesWritten
      }
    } catch (error) {
      throw diskError(error, this.#path)
    }
    this.#hash.update(chunk)
    this.bytes += chunk.length
    this.#job.onBytes(chunk.length, 'network')
    const isMore = this.bytes > this.#most
    this.#most = Math.max(this.#most, this.bytes)
    return isMore
  }

  async restart(): Promise<void> {
    this.#job.onBytes(-this.bytes, 'disk')
    this.bytes = 0
    this.#hash = contentHash(this.#job.file)
    await this.#handle.truncate(0)
  }

  /** Asked once, when all bytes are there. */
  isRight(): boolean {
    return this.#hash.digest('hex') === this.#job.file.hash
  }
}

function corrupt({ cache: { repository }, file }: Download): HenceError {
  return new HenceError('DOWNLOAD_CORRUPT', `${repository}: ${file.path}: the ${file.bytes} bytes do not have the hash ${file.hash}`, {
    repository,
    file: file.path,
    bytes: file.bytes,
    hash: file.hash,
  })
}
