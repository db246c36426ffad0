import { isHenceError } from '../../core/index.ts'

/** True for failures that another request need not meet: a server that is busy or lost, not one that refuses such requests. */
export function isPassing(error: unknown): boolean {
  if (!isHenceError(error)) return false
  const { status } = error.details
  if (error.code === 'SERVER_FAILED') return typeof status !== 'number' || status >= 500 || status === 408 || status === 429
  return error.code === 'SERVER_UNREACHABLE'
}
