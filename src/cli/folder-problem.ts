import { mkdtemp, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isDiskFull } from '../core/index.ts'
import { availableBytes } from '../hub/index.ts'
import { formatBytes } from './format.ts'

/** Less than this is not enough for any model of today. */
const LITTLE_BYTES = 1e9

/** Why files cannot be kept in a folder; undefined where they can. The folder need not be there yet. */
export async function folderProblem(folder: string): Promise<string | undefined> {
  const nearest = await nearestThere(folder)
  try {
    await rmdir(await mkdtemp(join(nearest, '.hence-doctor-')))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOTDIR') return `${nearest} is no folder`
    if (isDiskFull(error)) return `the disk of ${nearest} is full`
    return `${nearest} cannot be written: ${code ?? message}`
  }
  const available = await availableBytes(nearest)
  return available === undefined || available >= LITTLE_BYTES ? undefined : `the disk of ${nearest} has ${formatBytes(available)} left`
}

/** The folder itself, or the nearest thing above it that there is. */
async function nearestThere(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) if ((await stat(at).catch(() => undefined)) || dirname(at) === at) return at
}
