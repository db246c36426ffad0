import { type ErrorCode, isHenceError } from '../core/index.ts'

/** What a request is answered with when it fails, before a protocol puts it into its own words. */
export interface HttpFailure {
  readonly status: number
  readonly code: ErrorCode | 'HTTP' | 'UNEXPECTED'
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  REQUEST_INVALID: 400,
  OPTION_INVALID: 400,
  SHAPE_MISMATCH: 400,
  CONTEXT_OVERFLOW: 400,
  TEMPLATE_MISSING: 400,
  TEMPLATE_INVALID: 400,
  TOKENIZER_MISSING: 400,
  KEY_INVALID: 401,
  MODEL_UNKNOWN: 404,
  SERVER_BUSY: 429,
  ABORTED: 499,
  SERVER_UNAVAILABLE: 503,
  DISPOSED: 503,
  DEADLINE_EXCEEDED: 504,
}

/** Seconds a client is asked to wait before it tries again. */
const RETRY_AFTER_SECONDS = 1

/**
 * The answer to a failure. Of failures that are the server's own fault nothing is told but that they happened: messages may
 * name files of the machine.
 */
export function failureOf(error: unknown): HttpFailure {
  if (isHenceError(error)) {
    const { code, message, details } = error
    const status = numberIn(details['status']) ?? STATUS[code]
    if (status !== undefined) return { status, code, message, details }
    return { status: 500, code, message: 'The server had an error while processing the request', details: {} }
  }
  const status = numberIn((error as { statusCode?: unknown } | undefined)?.statusCode)
  if (status !== undefined && status >= 400 && status < 500) return { status, code: 'HTTP', message: wordsFor(status), details: {} }
  if (status === 503)
    return { status, code: 'SERVER_UNAVAILABLE', message: 'The server is shutting down and takes no further requests', details: {} }
  return { status: 500, code: 'UNEXPECTED', message: 'The server had an error while processing the request', details: {} }
}

/** Headers that belong to a failure. */
export function failureHeaders({ status }: HttpFailure): Record<string, string> {
  if (status === 429 || status === 503) return { 'retry-after': String(RETRY_AFTER_SECONDS) }
  return status === 401 ? { 'www-authenticate': 'Bearer' } : {}
}

function wordsFor(status: number): string {
  switch (status) {
    case 408:
      return 'The request did not arrive in time'
    case 413:
      return 'The body of the request is larger than this server takes'
    case 415:
      return 'The body has a type that is not taken here; JSON needs the header Content-Type: application/json'
    default:
      return 'The request could not be understood'
  }
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
