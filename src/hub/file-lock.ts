import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { throwIfAborted } from '../core/index.ts'

const BEAT_MS = 2_000
/** A holder that has not shown itself for so long is gone. */
const STALE_MS = 20_000
const POLL_MS = 100
/** Between taking over a lock and believing it, so that two who take it over at once notice each other. */
const SETTLE_MS = 50

/**
 * Runs `work` while no other process does so under the same lock; waits for it otherwise. The lock of a process that died
 * is taken over. Node has no locks of the operating system, so this one saves work rather than data: what must not break
 * is written elsewhere and moved into place.
 *
 * @param path - file of the lock
 * @throws HenceError `ABORTED` while waiting
 */
export async function withFileLock<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const owner = JSON.stringify({ pid: process.pid, host: hostname(), id: randomUUID() })
  await mkdir(dirname(path), { recursive: true })
  while (!(await tryLock(path, owner))) {
    throwIfAborted(signal)
    await sleep(POLL_MS, undefined, { signal }).catch(() => throwIfAborted(signal))
  }
  const beat = setInterval(() => void touch(path), BEAT_MS)
  beat.unref()
  try {
    return await work()
  } finally {
    clearInterval(beat)
    if ((await readFile(path, 'utf8').catch(() => '')) === owner) await rm(path, { force: true })
  }
}

/** True while a live process holds the lock. */
export async function isLocked(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined && !(await isStale(path))
}

async function tryLock(path: string, owner: string): Promise<boolean> {
  try {
    await writeFile(path, owner, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  if (!(await isStale(path))) return false
  const claim = `${path}.${randomUUID().slice(0, 8)}`
  await writeFile(claim, owner)
  await rename(claim, path)
  await sleep(SETTLE_MS)
  return (await readFile(path, 'utf8').catch(() => '')) === owner
}

async function isStale(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined)
  if (!stats) return false
  if (Date.now() - stats.mtimeMs > STALE_MS) return true
  try {
    const { pid, host } = JSON.parse(await readFile(path, 'utf8')) as { pid?: unknown; host?: unknown }
    return host === hostname() && typeof pid === 'number' && pid > 0 && !isAlive(pid)
  } catch {
    // Being written just now.
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => {})
}
