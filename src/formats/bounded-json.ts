import { HenceError } from '../core/index.ts'

const MAX_DEPTH = 64
/** Arrays and objects together; the largest published tokenizers have some 2^20. */
const MAX_CONTAINERS = 2 ** 23

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses JSON from a file that is not trusted: UTF-8, nesting and the number of containers are checked first, and a
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
    const at = syntaxErrorAt(text)
    const before = text.slice(0, at).split('\n')
    const line = before.length
    const column = before.at(-1)!.length + 1
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

/** Counts brackets outside strings; JSON.parse allocates for each, and for each level of depth. */
function checkNesting(text: string, where: string): void {
  let depth = 0
  let containers = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) i = endOfString(text, i)
    else if (c === 0x5b || c === 0x7b) {
      containers++
      if (++depth > MAX_DEPTH)
        throw new HenceError('FILE_LIMIT', `${where}: nested deeper than ${MAX_DEPTH} at offset ${i}, a limit of Hence's reader`, {
          where,
          offset: i,
          limit: MAX_DEPTH,
        })
    } else if (c === 0x5d || c === 0x7d) depth--
  }
  if (containers > MAX_CONTAINERS)
    throw new HenceError(
      'FILE_LIMIT',
      `${where}: ${containers} arrays and objects are more than ${MAX_CONTAINERS}, a limit of Hence's reader`,
      {
        where,
        containers,
        limit: MAX_CONTAINERS,
      },
    )
}

/** Index of the quote that closes the string opened at `start`, or of the end of the text. */
function endOfString(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return end
  }
}

const TOKEN =
  /[\s]*("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:])/y

/** Offset of the first token that cannot stand where it does. Nesting has been checked, so the stack is small. */
function syntaxErrorAt(text: string): number {
  const open: string[] = []
  // What may come next: a value, a key, a colon, or a separator (comma or closing bracket).
  let expected: 'value' | 'valueOrClose' | 'key' | 'keyOrClose' | 'colon' | 'separator' | 'end' = 'value'
  let at = 0
  for (;;) {
    TOKEN.lastIndex = at
    const token = TOKEN.exec(text)?.[1]
    const start = token === undefined ? at + /^[\s]*/.exec(text.slice(at, at + 4096))![0].length : TOKEN.lastIndex - token.length
    if (token === undefined) return start
    at = TOKEN.lastIndex
    const afterValue = (): typeof expected => (open.length === 0 ? 'end' : 'separator')
    const isValueStart = !',:]}'.includes(token)
    if ((token === ']' || token === '}') && (expected === 'separator' || expected === (token === ']' ? 'valueOrClose' : 'keyOrClose'))) {
      if (open.pop() !== (token === ']' ? '[' : '{')) return start
      expected = afterValue()
    } else if ((expected === 'value' || expected === 'valueOrClose') && isValueStart) {
      if (token === '[' || token === '{') {
        open.push(token)
        expected = token === '[' ? 'valueOrClose' : 'keyOrClose'
      } else expected = afterValue()
    } else if ((expected === 'key' || expected === 'keyOrClose') && token.startsWith('"')) expected = 'colon'
    else if (expected === 'colon' && token === ':') expected = 'value'
    else if (expected === 'separator' && token === ',') expected = open.at(-1) === '[' ? 'value' : 'key'
    else return start
  }
}
