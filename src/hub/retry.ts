import { setTimeout as sleep } from 'node:timers/promises'
import { HenceError, isHenceError, throwIfAborted } from '../core/index.ts'
import type { Hub } from './hub-request.ts'

/** Attempts without any progress between them. */
const MAX_ATTEMPTS = 5
/** Attempts when no way to the host was found and none was known before. */
const MAX_ATTEMPTS_WITHOUT_WAY = 2
/** Longest wait that a hub can ask for. */
const MAX_WAIT_MS = 120_000
const MAX_BACKOFF_MS = 30_000

/**
 * Tries again what failed for a reason that may pass, after a wait that doubles.
 *
 * @param attempt - calls its argument whenever something was gained, which begins the count anew
 * @throws HenceError the last failure, or `ABORTED`
 */
export async function withRetries<T>({ settings, signal }: Hub, attempt: (progressed: () => void) => Promise<T>): Promise<T> {
  let failures = 0
  let hasProgressed = false
  for (;;) {
    try {
      return await attempt(() => {
        failures = 0
        hasProgressed = true
      })
    } catch (error) {
      if (!isHenceError(error, 'HUB_UNREACHABLE') || error.details['isTransient'] !== true) throw error
      const limit = error.details['hasNoWay'] === true && !hasProgressed ? MAX_ATTEMPTS_WITHOUT_WAY : MAX_ATTEMPTS
      if (++failures >= limit) throw error
      const asked = error.details['waitMs'] as number | undefined
      if (asked !== undefined && asked > MAX_WAIT_MS) throw tooLong(error, asked)
      // Others who failed at the same moment should not come back at the same moment.
      const backoff = Math.min(MAX_BACKOFF_MS, settings.backoffMs * 2 ** (failures - 1)) * (0.75 + Math.random() / 2)
      await sleep(asked ?? backoff, undefined, { signal }).catch(() => throwIfAborted(signal))
    }
  }
}

function tooLong(error: HenceError, waitMs: number): HenceError {
  const seconds = Math.ceil(waitMs / 1_000)
  return new HenceError('HUB_UNREACHABLE', `${error.message}, and asks to come back in ${seconds} s`, {
    ...error.details,
    isTransient: false,
    hint: `Try again in ${Math.ceil(seconds / 60)} minutes; with a token in HF_TOKEN the hub allows more.`,
  })
}
