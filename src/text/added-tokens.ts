import { isWordCharacter } from './unicode-class.ts'

/** A token that is found in the input before anything else happens to it. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** Carries meaning for the model rather than text. */
  readonly special: boolean
  /** Takes the white space before it. */
  readonly lstrip: boolean
  /** Takes the white space after it. */
  readonly rstrip: boolean
  /** Only counts where it is not part of a longer word. */
  readonly singleWord: boolean
  /** Is looked for after normalising instead of before. */
  readonly normalized: boolean
}

/** Finds added tokens in text: leftmost, the longest where several start. */
export class AddedTokenMatcher {
  /** For each first code unit: tokens by content, and the lengths that occur, longest first. */
  readonly #starts = new Map<number, { byContent: Map<string, AddedToken>; lengths: number[] }>()
  readonly #singleStart: string | undefined

  /** @param tokens - those to find, by what they look like in the text */
  constructor(tokens: Iterable<readonly [content: string, token: AddedToken]>) {
    for (const [content, token] of tokens) {
      if (content === '') continue
      const first = content.charCodeAt(0)
      const start = this.#starts.get(first) ?? { byContent: new Map<string, AddedToken>(), lengths: [] }
      this.#starts.set(first, start)
      start.byContent.set(content, token)
      if (!start.lengths.includes(content.length)) start.lengths.push(content.length)
    }
    for (const start of this.#starts.values()) start.lengths.sort((a, b) => b - a)
    const [only] = this.#starts.keys()
    this.#singleStart = this.#starts.size === 1 ? String.fromCharCode(only!) : undefined
  }

  /** Calls back with the parts of `text` in order: `onText` for what is between tokens, never empty, and `onToken`. */
  split(text: string, onText: (part: string, start: number) => void, onToken: (id: number, start: number, end: number) => void): void {
    let done = 0
    let at = this.#candidate(text, 0)
    while (at < text.length) {
      const match = this.#longestAt(text, at)
      if (!match) {
        at = this.#candidate(text, at + 1)
        continue
      }
      let start = at
      let end = at + match.length
      const { token } = match
      if (token.singleWord && ((start > 0 && isWordCharacter(text, start - 1)) || (end < text.length && isWordCharacter(text, end)))) {
        at = this.#candidate(text, end)
        continue
      }
      if (token.lstrip) while (start > done && isSpace(text, start - 1)) start--
      if (token.rstrip) while (end < text.length && isSpace(text, end)) end++
      if (start > done) onText(text.slice(done, start), done)
      onToken(token.id, start, end)
      done = end
      at = this.#candidate(text, end)
    }
    if (done < text.length) onText(done === 0 ? text : text.slice(done), done)
  }

  #candidate(text: string, from: number): number {
    if (this.#starts.size === 0) return text.length
    if (this.#singleStart !== undefined) {
      const at = text.indexOf(this.#singleStart, from)
      return at < 0 ? text.length : at
    }
    let at = from
    while (at < text.length && !this.#starts.has(text.charCodeAt(at))) at++
    return at
  }

  #longestAt(text: string, at: number): { token: AddedToken; length: number } | undefined {
    const start = this.#starts.get(text.charCodeAt(at))
    if (!start) return undefined
    for (const length of start.lengths) {
      const token = at + length <= text.length ? start.byContent.get(text.slice(at, at + length)) : undefined
      if (token) return { token, length }
    }
    return undefined
  }
}

function isSpace(text: string, at: number): boolean {
  return /\p{White_Space}/u.test(text[at]!)
}
