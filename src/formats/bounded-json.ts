import { HenceError } from '../core/index.ts'
import { endOfString, jsonSyntaxErrorAt, lineAndColumn } from './json-syntax.ts'

const MAX_DEPTH = 64
/** Array elements, object members and containers together; the largest published tokenizers have some 2^21. */
const MAX_VALUES = 2 ** 23

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses JSON from a file that is not trusted: UTF-8, nesting and the number of values are checked first, and a
 * syntax error names its line and column.
 *
 * @param where - what the bytes are, for messages: usually a path
 * @throws HenceError `FILE_MALFORMED`, `FILE_LIMIT`
 */
export function parseBoundedJson(bytes: Uint8Array, where: string): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    throw new HenceError('FILE_MALFORMED', `${where}: the text is not valid UTF-8`, { where, cause })
  }
  checkNesting(text, where)
  try {
    return JSON.parse(text)
  } catch (cause) {
    const at = jsonSyntaxErrorAt(text)
    const { line, column } = lineAndColumn(text, at)
    const found = at < text.length ? JSON.stringify(text.slice(at, at + 12)) : 'the end'
    throw new HenceError('FILE_MALFORMED', `${where}: not JSON at line ${line}, column ${column}: unexpected ${found}`, {
      where,
      line,
      column,
      offset: at,
      cause,
    })
  }
}

/** {@link parseBoundedJson} for a file whose top level must be an object. */
export function parseJsonObject(bytes: Uint8Array, where: string): Record<string, unknown> {
  const value = parseBoundedJson(bytes, where)
  if (!isJsonObject(value)) throw new HenceError('FILE_MALFORMED', `${where}: the top level is not an object`, { where })
  return value
}

/** True for a JSON object, as opposed to null, an array or a scalar. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Counts brackets and commas outside strings: JSON.parse allocates for each, and for each level of depth. */
function checkNesting(text: string, where: string): void {
  let depth = 0
  let values = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) i = endOfString(text, i)
    else if (c === 0x2c) values++
    else if (c === 0x5b || c === 0x7b) {
      values++
      if (++depth > MAX_DEPTH) throw beyondLimit(where, `nested deeper than ${MAX_DEPTH} at offset ${i}`, MAX_DEPTH)
    } else if (c === 0x5d || c === 0x7d) depth--
  }
  if (values > MAX_VALUES) throw beyondLimit(where, `${values} values are more than ${MAX_VALUES}`, MAX_VALUES)
}

function beyondLimit(where: string, message: string, limit: number): HenceError {
  return new HenceError('FILE_LIMIT', `${where}: ${message}, a limit of Hence's reader`, { where, limit })
}
