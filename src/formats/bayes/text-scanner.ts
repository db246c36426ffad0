import { HenceError } from '../../core/index.ts'
import { lineAndColumn } from '../json-syntax.ts'
import { parseDecimal } from './parse-decimal.ts'

const SPACE = 0x20
const SLASH = 0x2f
const STAR = 0x2a
const QUOTE = 0x22
const LINE_FEED = 0x0a

/** 1 for characters that end a bare word: white space and punctuation of the format. */
const ENDS_WORD = new Uint8Array(128)
for (let c = 0; c <= SPACE; c++) ENDS_WORD[c] = 1
for (const c of '(){}[],;|"') ENDS_WORD[c.charCodeAt(0)] = 1

/** Walks over the text of a network file, skipping white space and comments. */
export class TextScanner {
  readonly text: string
  readonly where: string
  at = 0

  constructor(text: string, where: string) {
    this.text = text
    this.where = where
  }

  /** Moves to the next token. Returns false at the end. */
  skip(): boolean {
    const { text } = this
    for (;;) {
      let c = text.charCodeAt(this.at)
      while (c <= SPACE) c = text.charCodeAt(++this.at)
      if (c !== SLASH) return this.at < text.length
      const next = text.charCodeAt(this.at + 1)
      if (next === SLASH) this.#skipTo('\n', this.at + 2)
      else if (next === STAR) this.#skipTo('*/', this.at + 2)
      else return true
    }
  }

  /** True, and moves on, when the next token is this character. */
  take(character: string): boolean {
    if (!this.skip() || this.text[this.at] !== character) return false
    this.at++
    return true
  }

  /** @throws HenceError `FILE_MALFORMED` when the next token is not this character */
  expect(character: string, what: string): void {
    if (!this.take(character)) throw this.fault(`expected "${character}" ${what}`)
  }

  /** The next word: bare, or in double quotes. */
  word(what: string): string {
    if (!this.skip()) throw this.fault(`expected ${what}`)
    const { text, at } = this
    if (text.charCodeAt(at) === QUOTE) {
      const end = text.indexOf('"', at + 1)
      if (end < 0) throw this.fault('a quoted name does not end')
      this.at = end + 1
      return text.slice(at + 1, end)
    }
    this.at = this.#endOfWord(at)
    if (this.at === at) throw this.fault(`expected ${what}`)
    return text.slice(at, this.at)
  }

  /** True, and moves on, when the next word is this bare one: cheaper than cutting the word out. */
  takeWord(word: string): boolean {
    if (!this.skip() || !this.text.startsWith(word, this.at)) return false
    const end = this.at + word.length
    if (end < this.text.length && this.#endOfWord(end) !== end) return false
    this.at = end
    return true
  }

  /** The next number. */
  number(what: string): number {
    if (!this.skip()) throw this.fault(`expected ${what}`)
    const begin = this.at
    this.at = this.#endOfWord(begin)
    const value = parseDecimal(this.text, begin, this.at)
    if (Number.isNaN(value)) {
      this.at = begin
      throw this.fault(`expected ${what}`)
    }
    return value
  }

  /** Moves behind the next `;`, outside quotes. */
  skipStatement(): void {
    const { text } = this
    for (; this.at < text.length; this.at++) {
      const c = text[this.at]
      if (c === '"') {
        const end = text.indexOf('"', this.at + 1)
        if (end < 0) break
        this.at = end
      } else if (c === ';') {
        this.at++
        return
      }
    }
    throw this.fault('a statement does not end with ";"')
  }

  /** An error about the place the scanner is at. */
  fault(message: string, details: Readonly<Record<string, unknown>> = {}): HenceError {
    const { text, where, at } = this
    const { line, column } = lineAndColumn(text, Math.min(at, text.length))
    const found = at < text.length ? JSON.stringify(text.slice(at, at + 16)) : 'the end'
    return new HenceError('FILE_MALFORMED', `${where}: line ${line}, column ${column}: ${message}, found ${found}`, {
      where,
      line,
      column,
      ...details,
    })
  }

  #endOfWord(from: number): number {
    const { text } = this
    let at = from
    for (; at < text.length; at++) {
      const c = text.charCodeAt(at)
      if (c < 128 && ENDS_WORD[c] === 1) break
    }
    return at
  }

  #skipTo(mark: string, from: number): void {
    const end = this.text.indexOf(mark, from)
    if (end < 0 && mark.charCodeAt(0) !== LINE_FEED) throw this.fault('a comment does not end')
    this.at = end < 0 ? this.text.length : end + mark.length
  }
}
