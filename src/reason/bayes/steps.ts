import { HenceError, throwIfAborted } from '../../core/index.ts'

/** Work in steps: it yields where it may be interrupted. */
export type Steps<T> = Generator<undefined, T, undefined>

/** Limits on the time of a question. */
export interface TimeLimits {
  /** Ends the work with `ABORTED` when it takes longer. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** How long work in steps keeps the event loop to itself. */
const SLICE_MS = 12

/** Does all steps at once. @throws HenceError `ABORTED` when `timeoutMs` is over */
export function runSteps<T>(steps: Steps<T>, { timeoutMs, signal }: TimeLimits = {}): T {
  throwIfAborted(signal)
  if (timeoutMs === undefined) {
    let step = steps.next()
    while (!step.done) step = steps.next()
    return step.value
  }
  const begun = performance.now()
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    throwIfOver(begun, timeoutMs)
  }
}

/** Does steps in slices of a few milliseconds between which the event loop turns. @throws HenceError `ABORTED` */
export async function runStepsAsync<T>(steps: Steps<T>, { timeoutMs, signal }: TimeLimits = {}): Promise<T> {
  const begun = performance.now()
  let sliceBegun = begun
  for (;;) {
    throwIfAborted(signal)
    const step = steps.next()
    if (step.done) return step.value
    if (timeoutMs !== undefined) throwIfOver(begun, timeoutMs)
    if (performance.now() - sliceBegun < SLICE_MS) continue
    await turn()
    sliceBegun = performance.now()
  }
}

function throwIfOver(begun: number, timeoutMs: number): void {
  if (performance.now() - begun <= timeoutMs) return
  throw new HenceError('ABORTED', `the question took longer than ${timeoutMs} ms`, {
    timeoutMs,
    hint: 'Raise { timeoutMs }, ask for less, or take an approximate method.',
  })
}

/** Browsers have no immediate; a message to oneself is not delayed as their timers are. */
function turn(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise(resolve => setImmediate(resolve))
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(0)
  })
}
