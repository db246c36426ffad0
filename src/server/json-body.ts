import { HenceError } from '../core/index.ts'

/** Deepest nesting of a body's free-form parts; what fills templates is walked recursively. */
const MAX_DEPTH = 64

/** The JSON document in a body. @throws HenceError `REQUEST_INVALID` */
export function parseJsonBody(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) throw new HenceError('REQUEST_INVALID', 'The request has no body; send a JSON object')
  try {
    return JSON.parse(UTF8.decode(body))
  } catch (cause) {
    // What the parser says may quote the body.
    throw new HenceError('REQUEST_INVALID', 'The body of the request is not valid JSON in UTF-8', { cause })
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** True when arrays and objects are nested no deeper than is reasonable. */
export function isShallow(value: unknown, depth: number = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every(child => isShallow(child, depth - 1))
}
