import { randomUUID } from 'node:crypto'
import { copyFile, link, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { isCommit } from './hub-name.ts'
import { isSafePath, requireSafePath } from './safe-path.ts'

/**
 * The folders of one repository in the hub's cache, which all clients of the hub share: contents in `blobs/` by hash,
 * links to them in `snapshots/COMMIT/`, and the commit of each branch and tag in `refs/`.
 * Source: https://huggingface.co/docs/hub/local-cache
 */
export interface RepositoryCache {
  readonly repository: string
  readonly folder: string
  readonly blobs: string
  readonly locks: string
}

const MAX_DEPTH = 16
const MAX_FILES = 100_000

/** The cache of a repository; nothing is made yet. */
export function repositoryCache(cacheFolder: string, repository: string): RepositoryCache {
  const name = folderName(repository)
  const folder = join(cacheFolder, name)
  return { repository, folder, blobs: join(folder, 'blobs'), locks: join(cacheFolder, '.locks', name) }
}

/** `models--org--name`. */
export function folderName(repository: string): string {
  return `models--${repository.replaceAll('/', '--')}`
}

/** `org/name` of a folder of the cache; undefined for what is no model. */
export function repositoryOf(folder: string): string | undefined {
  const match = /^models--(.+)$/.exec(folder)
  return match ? match[1]!.replaceAll('--', '/') : undefined
}

/** The folder of a commit's files. */
export function snapshotFolder({ folder }: RepositoryCache, commit: string): string {
  return join(folder, 'snapshots', commit)
}

/** The commit a revision stood for when it was last asked about; undefined when it never was. */
export async function cachedCommit({ folder }: RepositoryCache, revision: string): Promise<string | undefined> {
  if (isCommit(revision)) return revision
  const text = await readFile(join(folder, 'refs', revision), 'utf8').catch(() => '')
  return isCommit(text.trim()) ? text.trim() : undefined
}

/** Remembers the commit of a revision. */
export async function rememberCommit({ folder }: RepositoryCache, revision: string, commit: string): Promise<void> {
  if (revision === commit) return
  const path = join(folder, 'refs', revision)
  await mkdir(dirname(path), { recursive: true })
  if ((await readFile(path, 'utf8').catch(() => '')) === commit) return
  // Whole or not at all: other programs read it at any time.
  const partial = `${path}.${randomUUID().slice(0, 8)}.tmp`
  await writeFile(partial, commit)
  await rename(partial, path)
}

/** Paths of the files of a snapshot whose content is there; empty without a snapshot. */
export async function listSnapshot(cache: RepositoryCache, commit: string): Promise<string[]> {
  const root = snapshotFolder(cache, commit)
  const paths: string[] = []
  const walk = async (folder: string, prefix: string, depth: number): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = prefix + entry.name
      if (!isSafePath(path) || paths.length >= MAX_FILES) continue
      if (entry.isDirectory()) {
        if (depth < MAX_DEPTH) await walk(join(folder, entry.name), `${path}/`, depth + 1)
      } else if ((await stat(join(folder, entry.name)).catch(() => undefined))?.isFile()) paths.push(path)
    }
  }
  await walk(root, '', 0)
  return paths.sort()
}

/** Puts a file into a snapshot: a link to its content, or a copy where links cannot be. */
export async function linkIntoSnapshot(cache: RepositoryCache, commit: string, path: string, hash: string): Promise<string> {
  const target = join(cache.blobs, hash)
  const pointer = join(snapshotFolder(cache, commit), ...requireSafePath(path, cache.repository).split('/'))
  await mkdir(dirname(pointer), { recursive: true })
  const content = relative(dirname(pointer), target)
  if ((await readlink(pointer).catch(() => undefined)) === content) return pointer
  const partial = `${pointer}.${randomUUID().slice(0, 8)}.tmp`
  try {
    await symlink(content, partial)
      .catch(() => link(target, partial))
      .catch(() => copyFile(target, partial))
    await rename(partial, pointer)
  } finally {
    await rm(partial, { force: true })
  }
  return pointer
}
