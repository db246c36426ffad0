import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { HenceError } from '../core/index.ts'
import { diskError } from './disk-space.ts'
import { isLocked } from './file-lock.ts'
import { listSnapshot, repositoryCache, repositoryOf, snapshotFolder } from './hub-cache.ts'
import { isCommit } from './hub-name.ts'

/** A model in the hub's cache. */
export interface CachedRepository {
  readonly repository: string
  readonly folder: string
  /** On the disk, unfinished downloads included. */
  readonly bytes: number
  /** Of these, what unfinished downloads take. */
  readonly unfinishedBytes: number
  readonly snapshots: readonly CachedSnapshot[]
}

/** The files of one commit. */
export interface CachedSnapshot {
  readonly commit: string
  /** Branches and tags that stood for the commit when they were last asked about. */
  readonly revisions: readonly string[]
  readonly folder: string
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
  /** When its newest content came. */
  readonly modified: Date
}

/** The models in the hub's cache, by name; empty without a cache. */
export async function listHubCache(cacheFolder: string): Promise<CachedRepository[]> {
  const names = await readdir(cacheFolder).catch(() => [])
  const repositories = names.map(repositoryOf).filter(repository => repository !== undefined)
  return Promise.all(repositories.sort().map(repository => describe(cacheFolder, repository)))
}

/**
 * Deletes a model with all its revisions and unfinished downloads; programs that have its files open keep them until they end.
 *
 * @returns what was deleted
 * @throws HenceError `HUB_NOT_FOUND` when it is not there, `OPTION_INVALID` while it is being fetched
 */
export async function removeFromHubCache(cacheFolder: string, repository: string): Promise<CachedRepository> {
  const found = (await listHubCache(cacheFolder)).find(each => each.repository === repository)
  if (!found)
    throw new HenceError('HUB_NOT_FOUND', `${repository} is not in the cache at ${cacheFolder}`, {
      repository,
      folder: cacheFolder,
      missing: 'model',
      hint: '`hence pull --list` shows what is there.',
    })
  const { locks, folder } = repositoryCache(cacheFolder, repository)
  for (const name of await readdir(locks).catch(() => []))
    if (name.endsWith('.hence') && (await isLocked(join(locks, name))))
      throw new HenceError('OPTION_INVALID', `${repository} is being fetched just now`, {
        repository,
        hint: 'Wait for that, or stop it, and try again.',
      })
  try {
    await rm(folder, { recursive: true, force: true })
    await rm(locks, { recursive: true, force: true })
  } catch (error) {
    throw diskError(error, folder)
  }
  return found
}

async function describe(cacheFolder: string, repository: string): Promise<CachedRepository> {
  const cache = repositoryCache(cacheFolder, repository)
  const blobs = await sizes(cache.blobs)
  const commits = (await readdir(join(cache.folder, 'snapshots')).catch(() => [])).filter(isCommit)
  const revisions = await revisionsByCommit(join(cache.folder, 'refs'))
  const snapshots = await Promise.all(
    commits.map(async (commit): Promise<CachedSnapshot> => {
      const folder = snapshotFolder(cache, commit)
      const stats = await Promise.all(
        (await listSnapshot(cache, commit)).map(async path => ({ path, stats: await stat(join(folder, path)).catch(() => undefined) })),
      )
      const files = stats.map(({ path, stats: found }) => ({ path, bytes: found?.size ?? 0 }))
      const modified = new Date(Math.max(0, ...stats.map(({ stats: found }) => found?.mtimeMs ?? 0)))
      return { commit, revisions: revisions.get(commit) ?? [], folder, files, modified }
    }),
  )
  const unfinished = blobs.filter(({ name }) => name.endsWith('.incomplete'))
  // Where there are no links, snapshots hold the contents themselves.
  const copies = await Promise.all(
    snapshots.flatMap(({ folder, files }) => files.map(file => ownBytes(join(folder, file.path), file.bytes))),
  )
  return {
    repository,
    folder: cache.folder,
    bytes: sum(blobs.map(({ bytes }) => bytes)) + sum(copies),
    unfinishedBytes: sum(unfinished.map(({ bytes }) => bytes)),
    snapshots: snapshots.sort((a, b) => b.modified.getTime() - a.modified.getTime()),
  }
}

async function sizes(folder: string): Promise<{ name: string; bytes: number }[]> {
  const names = await readdir(folder).catch(() => [])
  return Promise.all(names.map(async name => ({ name, bytes: (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0 })))
}

async function ownBytes(path: string, bytes: number): Promise<number> {
  return (await readlink(path).catch(() => undefined)) === undefined ? bytes : 0
}

async function revisionsByCommit(refs: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const entry of await readdir(refs, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile()) continue
    const path = resolve(entry.parentPath, entry.name)
    const commit = (await readFile(path, 'utf8').catch(() => '')).trim()
    if (isCommit(commit)) found.set(commit, [...(found.get(commit) ?? []), path.slice(resolve(refs).length + 1).replaceAll('\\', '/')])
  }
  return found
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
