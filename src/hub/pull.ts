import { mkdir, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HenceError } from '../core/index.ts'
import { diskError, requireDiskSpace } from './disk-space.ts'
import { download, hasContent, partialPath } from './download.ts'
import { linkIntoSnapshot, type RepositoryCache, rememberCommit, repositoryCache, snapshotFolder } from './hub-cache.ts'
import { type HubName, printHubName } from './hub-name.ts'
import type { Hub } from './hub-request.ts'
import { describeFile, listRepository, type RemoteFile } from './repository.ts'
import { type Selection, selectFiles, type Wish } from './select-files.ts'

/** How far a download is. */
export interface DownloadProgress {
  readonly stage: 'download'
  readonly doneBytes: number
  readonly totalBytes: number
  /** The part of `doneBytes` that came over the network. */
  readonly networkBytes: number
  readonly files: number
}

/** A model in the cache. */
export interface LocalModel {
  /** Its shortest name. */
  readonly name: string
  readonly repository: string
  readonly revision: string
  readonly commit: string
  readonly format: Selection['format']
  readonly variant: string | null
  /** What to open: a file, or the folder of the snapshot. */
  readonly path: string
  readonly folder: string
  readonly files: readonly LocalFile[]
}

/** A file in the cache. */
export interface LocalFile {
  /** In the repository. */
  readonly path: string
  readonly bytes: number
  /** Fetched just now, as opposed to found. */
  readonly isNew: boolean
}

/** How a model is fetched. */
export interface PullOptions extends Pick<Wish, 'globs' | 'kind'> {
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
}

const CONCURRENT_FILES = 4

/**
 * Fetches a model from the hub, or what is missing of it. A snapshot gets its files when all of them are whole.
 *
 * @throws HenceError about the name, access, connection, content or disk
 */
export async function pullModel(hub: Hub, name: HubName, options: PullOptions = {}): Promise<LocalModel> {
  if (hub.settings.isOffline) throw offline(name)
  const { repository, revision, variant, file } = name
  const listing = await listRepository(hub, name)
  const selection = selectFiles(repository, listing.paths, { variant, file, globs: options.globs, kind: options.kind })
  const cache = repositoryCache(hub.settings.cacheFolder, repository)
  const files = await mapConcurrently(selection.paths, hub, (path, each) => describeFile(each, listing, path))
  await makeFolders(cache, listing.commit)
  const isNew = await fetchAll(hub, cache, listing.commit, files, options.onProgress).catch(async error => {
    await removeEmptyFolders(cache, listing.commit)
    throw error
  })
  try {
    // What is opened comes last: another process that sees it sees the rest too.
    const last = files.find(({ path }) => path === selection.entry)
    for (const each of [...files.filter(other => other !== last), ...(last ? [last] : [])])
      await linkIntoSnapshot(cache, listing.commit, each.path, each.hash)
    await rememberCommit(cache, revision, listing.commit)
  } catch (error) {
    throw diskError(error, cache.folder)
  }
  return localModel(
    cache,
    name,
    listing.commit,
    selection,
    files.map(({ path, bytes }, i) => ({ path, bytes, isNew: isNew[i]! })),
  )
}

/** The description of a model whose files are in the cache. */
export function localModel(
  cache: RepositoryCache,
  { repository, revision, file }: HubName,
  commit: string,
  { format, variant, entry }: Selection,
  files: readonly LocalFile[],
): LocalModel {
  const folder = snapshotFolder(cache, commit)
  return {
    name: printHubName({ repository, revision, ...(file === undefined ? (variant === undefined ? {} : { variant }) : { file }) }),
    repository,
    revision,
    commit,
    format,
    variant: variant ?? null,
    path: join(folder, ...entry.split('/')),
    folder,
    files,
  }
}

async function fetchAll(
  hub: Hub,
  cache: RepositoryCache,
  commit: string,
  files: readonly RemoteFile[],
  onProgress: PullOptions['onProgress'],
): Promise<boolean[]> {
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const missing = await missingBytes(cache, files)
  await requireDiskSpace(
    cache.folder,
    missing.reduce((sum, bytes) => sum + bytes, 0),
  )
  let doneBytes = 0
  let networkBytes = 0
  return mapConcurrently(files, hub, async (file, each) => {
    const onBytes = (bytes: number, origin: 'network' | 'disk'): void => {
      doneBytes += bytes
      if (origin === 'network') networkBytes += bytes
      onProgress?.({ stage: 'download', doneBytes, totalBytes, networkBytes, files: files.length })
    }
    if (!(await hasContent(cache, file))) return download(each, { cache, commit, file, onBytes })
    onBytes(file.bytes, 'disk')
    return false
  })
}

/** Other clients expect a repository to have both from the beginning. */
async function makeFolders(cache: RepositoryCache, commit: string): Promise<void> {
  for (const folder of [cache.blobs, snapshotFolder(cache, commit)])
    await mkdir(folder, { recursive: true }).catch(error => {
      throw diskError(error, folder)
    })
}

/** Leaves what an earlier pull, or another client, has put there. */
async function removeEmptyFolders(cache: RepositoryCache, commit: string): Promise<void> {
  const snapshot = snapshotFolder(cache, commit)
  for (const folder of [cache.blobs, snapshot, dirname(snapshot), cache.folder]) await rmdir(folder).catch(() => {})
}

async function missingBytes(cache: RepositoryCache, files: readonly RemoteFile[]): Promise<number[]> {
  const unique = [...new Map(files.map(file => [file.hash, file])).values()]
  return Promise.all(
    unique.map(async file => {
      if (await hasContent(cache, file)) return 0
      const partial = await stat(partialPath(cache, file)).catch(() => undefined)
      return Math.max(0, file.bytes - (partial?.size ?? 0))
    }),
  )
}

/** Does some at once; the first failure stops the others and is the one that is thrown. */
async function mapConcurrently<T, R>(items: readonly T[], hub: Hub, work: (item: T, hub: Hub) => Promise<R>): Promise<R[]> {
  const failed = new AbortController()
  const each: Hub = { ...hub, signal: hub.signal ? AbortSignal.any([hub.signal, failed.signal]) : failed.signal }
  const results = new Array<R>(items.length)
  const failures: unknown[] = []
  let next = 0
  const run = async (): Promise<void> => {
    for (let i = next++; i < items.length && failures.length === 0; i = next++) {
      try {
        results[i] = await work(items[i]!, each)
      } catch (error) {
        failures.push(error)
        failed.abort()
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENT_FILES, items.length) }, run))
  if (failures.length > 0) throw failures[0]
  return results
}

function offline(name: HubName): HenceError {
  return new HenceError('HUB_UNREACHABLE', `${printHubName(name)} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it`, {
    repository: name.repository,
    hint: 'Unset HF_HUB_OFFLINE, or copy the cache from a machine that has the model.',
  })
}
