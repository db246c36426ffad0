import { breathe, throwIfAborted } from '../../../core/index.ts'

const TURN_MS = 20

/**
 * A step to await before each iteration of a long loop: it notices aborts, and now and then lets the event loop turn so that
 * there are any to notice.
 */
export function createPacer(signal: AbortSignal | undefined): () => Promise<void> {
  let turn = performance.now()
  return async () => {
    throwIfAborted(signal)
    if (performance.now() - turn < TURN_MS) return
    await breathe()
    turn = performance.now()
    throwIfAborted(signal)
  }
}
