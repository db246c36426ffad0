import { availableParallelism } from 'node:os'
import { HenceError, nearest } from '../core/index.ts'
import type { Backend } from './backend.ts'
import { findAddon, nativeBackend } from './native/index.ts'
import { referenceBackend } from './reference/index.ts'

/** The backends there are; `auto` is native where it can be loaded, else reference. */
export const BACKEND_NAMES = ['auto', 'native', 'reference'] as const

export interface BackendOptions {
  /** Default `auto`. */
  readonly backend?: (typeof BACKEND_NAMES)[number] | undefined
  /** Threads that compute, 1..256; all cores by default. */
  readonly threads?: number | undefined
  /** Instruction set of the native backend; the best by default. */
  readonly target?: string | undefined
}

/**
 * Opens a backend.
 *
 * @throws HenceError `BACKEND_UNAVAILABLE` when `native` is asked for and cannot be had, `OPTION_INVALID`
 */
export function openBackend({ backend = 'auto', threads = availableParallelism(), target }: BackendOptions = {}): Backend {
  if (!BACKEND_NAMES.includes(backend))
    throw new HenceError('OPTION_INVALID', `there is no backend "${backend}"`, {
      known: BACKEND_NAMES,
      nearest: nearest(backend, BACKEND_NAMES),
    })
  if (!Number.isInteger(threads) || threads < 1 || threads > 256)
    throw new HenceError('OPTION_INVALID', `threads must be a whole number from 1 to 256, is ${threads}`, { threads })
  if (backend === 'reference' || (backend === 'auto' && target === undefined && !findAddon().addon)) return referenceBackend()
  return nativeBackend({ threads, target })
}
