import { createHash, randomUUID } from 'node:crypto'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pid } from 'node:process'
import { type FileIdentity, rememberedContentHash } from '../../formats/index.ts'
import type { CompileOptions } from '../backend.ts'
import type { Addon, NativeHandle } from './addon.ts'
import { cacheFolder, makeCacheFolder } from './cache-folder.ts'

/** Weights smaller than this are packed again at every start: it takes a few milliseconds. */
const SMALLEST_CACHED_BYTES = 8 << 20

/** A place for packed weights: found complete in the cache, or to be filled. */
export interface PackedRegion {
  readonly region: NativeHandle
  readonly isFilled: boolean
  /** Called once the region is filled; keeps it for the next start, without making the caller wait for the disk. */
  keep(): void
}

/**
 * Finds the packed weights of `files` under a key made of their content and `recipe`, or a new file to pack them into.
 *
 * A file is written under a name of its own and renamed when it is complete and on the disk, so that readers never see
 * half a file, two starts at once do not meet, and a crash leaves nothing but a stray temporary file, which a later start
 * removes. Its disk space is reserved first: on a full disk, as without a cache, plain memory is used.
 *
 * @returns undefined when the cache is off, not worthwhile or not usable
 */
export async function openPackedRegion(
  addon: Addon,
  files: readonly FileIdentity[],
  recipe: string,
  bytes: number,
  { signal, onProgress }: Pick<CompileOptions, 'signal' | 'onProgress'>,
): Promise<PackedRegion | undefined> {
  const folder = cacheFolder()
  if (!folder || bytes < SMALLEST_CACHED_BYTES || files.length === 0) return undefined
  try {
    await makeCacheFolder(folder)
  } catch {
    return undefined
  }
  const content = await rememberedContentHash(folder, files, {
    signal,
    onProgress: ({ bytesDone, bytesTotal }) => onProgress?.({ stage: 'hash', doneBytes: bytesDone, totalBytes: bytesTotal }),
  })
  const path = join(folder, `${sha256(`${content}\n${recipe}`).slice(0, 32)}.packed`)
  const isWhole = await stat(path).then(
    found => found.size === bytes,
    () => false,
  )
  if (isWhole) {
    const region = addon.regionOpenFile(path, bytes)
    if (typeof region !== 'number') return { region, isFilled: true, keep() {} }
  }
  await removeStrays(folder)
  const temporary = join(folder, `${randomUUID()}.${pid}.partial`)
  const region = addon.regionCreateFile(temporary, bytes)
  if (typeof region === 'number') return undefined
  return {
    region,
    isFilled: false,
    keep() {
      addon
        .regionSync(region)
        .then(error => (error === 0 ? rename(temporary, path) : rm(temporary, { force: true })))
        .catch(() => rm(temporary, { force: true }).catch(() => {}))
    },
  }
}

/** Removes partial files whose process is gone. */
async function removeStrays(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const owner = /\.(\d+)\.partial$/.exec(name)?.[1]
    if (owner && !isAlive(Number(owner))) await rm(join(folder, name), { force: true }).catch(() => {})
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
