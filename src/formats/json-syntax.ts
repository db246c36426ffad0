/** Index of the quote that closes the string opened at `start`, or the length of the text when nothing does. */
export function endOfString(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return end
  }
}

/** Line and column of an offset, both from 1, columns in UTF-16 units. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  let line = 1
  let start = 0
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) {
    line++
    start = i + 1
  }
  return { line, column: offset - start + 1 }
}

/** What the grammar allows next; a separator is a comma or the closing bracket. */
type Expected = 'value' | 'valueOrClose' | 'key' | 'keyOrClose' | 'colon' | 'separator' | 'end'

const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y
const SPACE = /[ \t\r\n]*/y

/**
 * Offset of the first place where `text` stops being JSON, the length of the text when it ends too early. The caller has
 * bounded the nesting.
 *
 * Source: RFC 8259.
 */
export function jsonSyntaxErrorAt(text: string): number {
  const open: string[] = []
  let expected: Expected = 'value'
  let at = 0
  for (;;) {
    SPACE.lastIndex = at
    SPACE.test(text)
    const start = SPACE.lastIndex
    const c = text[start]
    if (c === undefined || expected === 'end') return start
    const wantsValue: boolean = expected === 'value' || expected === 'valueOrClose'
    const afterValue: Expected = open.length === 0 ? 'end' : 'separator'
    at = start + 1
    if (c === ']' || c === '}') {
      const opener = c === ']' ? '[' : '{'
      if (open.at(-1) !== opener || (expected !== 'separator' && expected !== (c === ']' ? 'valueOrClose' : 'keyOrClose'))) return start
      open.pop()
      expected = open.length === 0 ? 'end' : 'separator'
    } else if (c === '[' || c === '{') {
      if (!wantsValue) return start
      open.push(c)
      expected = c === '[' ? 'valueOrClose' : 'keyOrClose'
    } else if (c === ',') {
      if (expected !== 'separator') return start
      expected = open.at(-1) === '[' ? 'value' : 'key'
    } else if (c === ':') {
      if (expected !== 'colon') return start
      expected = 'value'
    } else if (c === '"') {
      if (!wantsValue && expected !== 'key' && expected !== 'keyOrClose') return start
      const end = endOfString(text, start)
      const bad = badCharacterAt(text, start + 1, end)
      if (bad !== undefined) return bad
      if (end === text.length) return end
      at = end + 1
      expected = wantsValue ? afterValue : 'colon'
    } else {
      SCALAR.lastIndex = start
      if (!wantsValue || !SCALAR.test(text)) return start
      at = SCALAR.lastIndex
      expected = afterValue
    }
  }
}

/** Offset of the first control character or impossible escape in a string's content. */
function badCharacterAt(text: string, start: number, end: number): number | undefined {
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x20) return i
    if (c !== 0x5c) continue
    const escaped = text[++i]
    if (escaped === 'u') {
      if (!/^[0-9a-fA-F]{4}$/.test(text.slice(i + 1, i + 5))) return i - 1
    } else if (escaped === undefined || !'"\\/bfnrt'.includes(escaped)) return i - 1
  }
  return undefined
}
