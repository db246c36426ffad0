import { createHash, randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { env, pid } from 'node:process'
import { cacheFolder, makeCacheFolder } from './cache-folder.ts'

/** Raised when kernels change so much that earlier answers mislead. */
const VERSION = 1
/** Answers kept for one machine; beyond them the file begins anew. */
const MAX_ANSWERS = 4096
const ANSWERS: readonly string[] = ['direct', 'winograd']

type Answer = 'direct' | 'winograd'

/** What was measured on this machine. */
export interface Tuning {
  get(key: string): Answer | undefined
  set(key: string, answer: Answer): void
  /** Writes what is new beside what other processes have written. */
  keep(): Promise<void>
}

const known = new Map<string, Promise<Map<string, Answer>>>()

/**
 * The answers for an instruction set, a number of threads and a precision on this processor. A file is written under a name of
 * its own and renamed, so that readers never see half of one; of two processes that write at once, what one measured may be
 * measured again.
 *
 * @returns undefined with `HENCE_TUNE=off`, and where there is no cache folder
 */
export async function tuningFor(place: {
  readonly target: string
  readonly threads: number
  readonly precision: string
}): Promise<Tuning | undefined> {
  const folder = cacheFolder()
  if (env['HENCE_TUNE'] === 'off' || folder === undefined) return undefined
  const machine = JSON.stringify([VERSION, cpus()[0]?.model ?? '', place.target, place.threads, place.precision])
  const path = join(folder, `${createHash('sha256').update(machine).digest('hex').slice(0, 32)}.tuned`)
  try {
    await makeCacheFolder(folder)
  } catch {
    return undefined
  }
  const reading = known.get(path) ?? readAnswers(path)
  known.set(path, reading)
  const answers = await reading
  const fresh = new Map<string, Answer>()
  return {
    get: key => answers.get(key),
    set(key, answer) {
      answers.set(key, answer)
      fresh.set(key, answer)
    },
    async keep() {
      if (fresh.size === 0) return
      const all = new Map([...(await readAnswers(path)), ...fresh])
      const kept = all.size > MAX_ANSWERS ? fresh : all
      const temporary = join(folder, `${randomUUID()}.${pid}.partial`)
      await writeFile(temporary, JSON.stringify(Object.fromEntries(kept)), { mode: 0o600 })
        .then(() => rename(temporary, path))
        .catch(() => rm(temporary, { force: true }).catch(() => {}))
    },
  }
}

/** What the file says; nothing when it is missing or damaged. */
async function readAnswers(path: string): Promise<Map<string, Answer>> {
  try {
    const content = JSON.parse(await readFile(path, 'utf8')) as unknown
    if (typeof content !== 'object' || content === null) return new Map()
    return new Map(Object.entries(content).filter((entry): entry is [string, Answer] => ANSWERS.includes(entry[1] as string)))
  } catch {
    return new Map()
  }
}

/** Forgets what this process has read, for tests. */
export function forgetTuning(): void {
  known.clear()
}
