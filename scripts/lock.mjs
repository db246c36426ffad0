import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const POLL_MS = 50
const QUIET_WAIT_MS = 1000

/**
 * Runs `work` while holding a lock file, so that two set-ups of one checkout do not write over each other.
 * The file holds the owner's process id and appears whole (by `link`), so a lock whose owner has died is recognised.
 */
export async function withLock(path, work) {
  await acquire(path)
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

async function acquire(path) {
  mkdirSync(dirname(path), { recursive: true })
  const candidate = `${path}.${process.pid}`
  writeFileSync(candidate, String(process.pid))
  try {
    for (let waitedMs = 0; !tryLink(candidate, path); waitedMs += POLL_MS) {
      if (!removeIfStale(path)) {
        if (waitedMs === QUIET_WAIT_MS) console.error(`hence: waiting for another set-up of this checkout (process ${readOwner(path)})`)
        await new Promise(resolve => setTimeout(resolve, POLL_MS))
      }
    }
  } finally {
    rmSync(candidate, { force: true })
  }
}

function tryLink(from, to) {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** Takes a dead owner's lock away. Moved before it is removed: of two who try, only one can move it. */
function removeIfStale(path) {
  const owner = readOwner(path)
  if (owner === undefined || isAlive(owner)) return false
  const grave = `${path}.${process.pid}.stale`
  try {
    renameSync(path, grave)
  } catch {
    return false
  }
  const moved = readOwner(grave)
  if (moved !== undefined && isAlive(moved)) tryLink(grave, path)
  rmSync(grave, { force: true })
  return true
}

function readOwner(path) {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
