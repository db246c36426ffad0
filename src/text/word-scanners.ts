import type { Scanner } from './scanners.ts'
import { PUNCTUATION } from './unicode-sets.ts'

const SPACE = 1
const MARK = 2
const WORD = 3

const punctuation = new RegExp(`^${PUNCTUATION.source}`, 'u')
/** Classes of code units that are characters of their own, filled as they are met; 0 is not yet known. */
const classes = new Uint8Array(0x10000)

/** A run of white space, a punctuation mark, or a run of anything else, as BERT's basic tokenizer cuts text. */
export const scanBertWord: Scanner = (text, start) => {
  const kind = classAt(text, start)
  let end = start + widthAt(text, start)
  if (kind === MARK) return end
  while (end < text.length && classAt(text, end) === kind) end += widthAt(text, end)
  return end
}

/** A scanner whose pieces end before each `mark`. */
export function scanMarked(mark: string): Scanner {
  return (text, start) => {
    const found = text.indexOf(mark, start + 1)
    return found < 0 ? text.length : found
  }
}

function classAt(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if ((code & 0xf800) === 0xd800) return classOf(String.fromCodePoint(text.codePointAt(at)!))
  if (classes[code] === 0) classes[code] = classOf(String.fromCharCode(code))
  return classes[code]!
}

function classOf(character: string): number {
  if (/\p{White_Space}/u.test(character)) return SPACE
  return punctuation.test(character) ? MARK : WORD
}

function widthAt(text: string, at: number): number {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00 ? 2 : 1
}
