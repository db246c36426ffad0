import { basename } from 'node:path'
import { type CacheEntry, cacheFolder, clearCache, listCache } from '../backends/index.ts'
import { HenceError } from '../core/index.ts'
import { formatAge, formatBytes, formatPlural } from './format.ts'
import { tableLines } from './table.ts'

/** What is in the cache of packed weights, or what was deleted from it. */
export interface CacheReport {
  /** null when the cache is off. */
  readonly folder: string | null
  readonly action: 'listed' | 'deleted'
  readonly bytes: number
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly modified: string }[]
}

/** Lists the cache. */
export async function cacheReport(): Promise<CacheReport> {
  return reportOf('listed', listCache)
}

/** Deletes what is in the cache. @throws HenceError `CACHE_FAILED` */
export async function clearCacheReport(): Promise<CacheReport> {
  return reportOf('deleted', clearCache)
}

async function reportOf(action: CacheReport['action'], act: (folder: string) => Promise<readonly CacheEntry[]>): Promise<CacheReport> {
  const folder = cacheFolder()
  if (folder === undefined) return { folder: null, action, bytes: 0, files: [] }
  const entries = await act(folder).catch(cause => {
    throw new HenceError('CACHE_FAILED', `${folder}: ${(cause as Error).message}`, { folder, cause, hint: 'Check its permissions.' })
  })
  const files = entries.map(({ path, bytes, modified }) => ({ path, bytes, modified: modified.toISOString() }))
  return { folder, action, bytes: files.reduce((sum, file) => sum + file.bytes, 0), files }
}

/** The report for people. Notes that remember content hashes and what was measured are only counted. */
export function cacheText({ folder, action, bytes, files }: CacheReport): string {
  if (folder === null) return 'the cache is off: HENCE_CACHE=off\n'
  const now = Date.now()
  const packed = files.filter(({ path }) => !/\.(content|tuned)$/.test(path))
  const rows = packed.map(({ path, bytes: size, modified }) => [formatBytes(size), ageOf(now - Date.parse(modified)), basename(path)])
  const total = `${action === 'deleted' ? 'deleted ' : ''}${formatPlural(packed.length, 'packed model')}, ${formatBytes(bytes)}`
  const next =
    action === 'listed' && files.length > 0 ? ['`hence doctor --cache --clear` deletes them; they are made again when needed'] : []
  return `${[folder, ...tableLines(rows, [0]).map(line => `  ${line}`), total, ...next].join('\n')}\n`
}

function ageOf(ms: number): string {
  const age = formatAge(ms)
  return age === 'just now' ? age : `${age} old`
}
