import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'

/** Where packed weights are kept: `HENCE_CACHE`, else `$XDG_CACHE_HOME/hence`, else `~/.cache/hence`; `off` for nowhere. */
export function cacheFolder(): string | undefined {
  const chosen = env['HENCE_CACHE']
  if (chosen === 'off') return undefined
  return join(chosen || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hence'), 'packed')
}

/** One file of the cache. */
export interface CacheEntry {
  readonly path: string
  readonly bytes: number
  readonly modified: Date
}

/** The packed files there are, largest first. */
export async function listCache(folder: string): Promise<readonly CacheEntry[]> {
  const names = await readdir(folder).catch(() => [])
  const entries = await Promise.all(
    names.map(async name => {
      const path = join(folder, name)
      const found = await stat(path).catch(() => undefined)
      return found?.isFile() ? { path, bytes: found.size, modified: found.mtime } : undefined
    }),
  )
  return entries.filter(entry => entry !== undefined).sort((a, b) => b.bytes - a.bytes)
}

/** Deletes every file of the cache; programs that have one mapped keep it until they end. */
export async function clearCache(folder: string): Promise<readonly CacheEntry[]> {
  const entries = await listCache(folder)
  await Promise.all(entries.map(entry => rm(entry.path, { force: true })))
  return entries
}

/** Makes the folder, for this user only. */
export async function makeCacheFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
}
