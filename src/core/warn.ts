import { emitWarning } from 'node:process'
import type { HenceError } from './errors.ts'

/**
 * Tells of something that Hence goes on without, as a warning of the process: on standard error with code and hint, and to whoever
 * listens to `process.on('warning')` as the error itself.
 */
export function warn(error: HenceError): void {
  // Node prints `detail` below the message.
  emitWarning(Object.assign(error, { detail: error.hint }))
}
