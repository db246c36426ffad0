import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HenceError, isDiskFull, isHenceError } from '../core/index.ts'

/** @throws HenceError `DISK_FULL` when a folder's disk has less than `bytes` to give, as far as that can be told */
export async function requireDiskSpace(folder: string, bytes: number): Promise<void> {
  if (bytes === 0) return
  const available = await availableBytes(folder)
  if (available === undefined || available >= bytes) return
  throw new HenceError('DISK_FULL', `${folder}: the download takes ${bytes} bytes more, and the disk has ${available} left`, {
    folder,
    bytes,
    available,
  })
}

/** What a failure to write means. */
export function diskError(cause: unknown, path: string): HenceError {
  if (isHenceError(cause)) return cause
  const { code = 'unknown', message } = cause as NodeJS.ErrnoException
  if (isDiskFull(cause)) return new HenceError('DISK_FULL', `${path}: the disk is full`, { path, reason: code, cause })
  return new HenceError('FILE_UNREADABLE', `${path}: cannot be written: ${message}`, {
    path,
    reason: code,
    cause,
    hint: 'Check the permissions of the folder, or keep models elsewhere with HF_HUB_CACHE.',
  })
}

/** What the disk has left where a folder is, or is going to be; undefined where that cannot be told. */
export async function availableBytes(folder: string): Promise<number | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const stats = await statfs(at).catch(() => undefined)
    if (stats) return stats.bavail * stats.bsize
    if (dirname(at) === at) return undefined
  }
}
