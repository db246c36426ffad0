import { HenceError } from './errors.ts'

/** Throws `ABORTED` (cause: the signal's reason) once `signal` has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new HenceError('ABORTED', 'the operation was aborted', { cause: signal.reason })
}

/** Lets the event loop turn once, so that timers, sockets and aborts are seen during long TypeScript work. */
export function breathe(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
