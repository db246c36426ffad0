import { invalid } from './json-fields.ts'
import { PrefixTrie } from './prefix-trie.ts'
import type { OnToken, TokenModel } from './token-model.ts'
import { WordCache } from './word-cache.ts'

/** What a unigram model is made of. */
export interface UnigramParts {
  readonly tokens: readonly (string | undefined)[]
  /** Log-probability of each token. */
  readonly scores: ArrayLike<number>
  /** Tokens that text may become; all without it. */
  readonly includes?: (id: number) => boolean
  /** Stands for characters that no token spells. */
  readonly unknown: number | undefined
  /** Score of an unknown character. */
  readonly unknownScore: number
  /** Id of each byte for unknown text; undefined where the byte has no token. */
  readonly byteTokens?: readonly (number | undefined)[]
}

/**
 * The most likely way to cut text into tokens of known probability, found in one pass: O(length × longest token).
 * Source: Kudo, "Subword Regularization" (2018); ties go to the token that begins first, as in SentencePiece.
 */
export class Unigram implements TokenModel {
  readonly #parts: UnigramParts
  readonly #trie: PrefixTrie
  readonly #cache = new WordCache()
  /** Best score of the text up to each place, where its last token begins and which it is; -1 for none yet. */
  #best = new Float64Array(0)
  #starts = new Int32Array(0)
  #ids = new Int32Array(0)

  constructor(parts: UnigramParts) {
    this.#parts = parts
    this.#trie = new PrefixTrie(parts.tokens, parts.includes)
  }

  append(text: string, start: number, end: number, out: number[]): void {
    this.#cache.through(text, start, end, out, () => this.trace(text, start, end, id => out.push(id)))
  }

  trace(text: string, start: number, end: number, onToken: OnToken): void {
    if (end <= start) return
    const { unknown, byteTokens } = this.#parts
    this.#search(text, start, end)
    const path = this.#path(end - start)
    for (let i = path.length - 1; i >= 0; i--) {
      const begin = start + path[i]!
      let stop = i === 0 ? end : start + path[i - 1]!
      const id = this.#ids[stop - start]!
      if (id !== UNKNOWN && id !== unknown) {
        onToken(id, begin, stop)
        continue
      }
      // Adjacent unknown characters are one.
      while (i > 0 && this.#isUnknown(i === 1 ? end - start : path[i - 2]!)) {
        i--
        stop = i === 0 ? end : start + path[i - 1]!
      }
      this.#unknownText(text.slice(begin, stop), byteTokens, unknown, (each, _from, _to) => onToken(each, begin, stop))
    }
  }

  #isUnknown(end: number): boolean {
    const id = this.#ids[end]!
    return id === UNKNOWN || id === this.#parts.unknown
  }

  /** Begins of the tokens of the best path, last first. */
  #path(length: number): number[] {
    const path: number[] = []
    for (let at = length; at > 0; at = this.#starts[at]!) path.push(this.#starts[at]!)
    return path
  }

  #search(text: string, start: number, end: number): void {
    const { scores, unknownScore } = this.#parts
    const trie = this.#trie
    this.#reserve(end - start)
    const best = this.#best
    const starts = this.#starts
    const ids = this.#ids
    starts.fill(-1, 0, end - start + 1)
    best[0] = 0
    for (let at = start; at < end; ) {
      const here = best[at - start]!
      const width = (text.charCodeAt(at) & 0xfc00) === 0xd800 && at + 1 < end ? 2 : 1
      let isSpelled = false
      let node = 0
      for (let to = at; to < end; ) {
        node = trie.next(node, text.charCodeAt(to++))
        if (node < 0) break
        const id = trie.idAt(node)
        if (id < 0) continue
        const score = scores[id]! + here
        const place = to - start
        if (starts[place]! < 0 || score > best[place]!) {
          best[place] = score
          starts[place] = at - start
          ids[place] = id
        }
        if (to - at === width) isSpelled = true
      }
      const place = at - start + width
      if (!isSpelled && (starts[place]! < 0 || unknownScore + here > best[place]!)) {
        best[place] = unknownScore + here
        starts[place] = at - start
        ids[place] = UNKNOWN
      }
      at += width
    }
  }

  #unknownText(text: string, byteTokens: UnigramParts['byteTokens'], unknown: number | undefined, onToken: OnToken): void {
    const known = this.#find(text)
    if (known >= 0) {
      onToken(known, 0, 0)
      return
    }
    const bytes = byteTokens ? Array.from(encoder.encode(text), byte => byteTokens[byte]) : [undefined]
    if (bytes.every(id => id !== undefined)) for (const id of bytes) onToken(id, 0, 0)
    else if (unknown !== undefined) onToken(unknown, 0, 0)
    else throw invalid('a character has no spelling and the vocabulary no unknown token', { text: text.slice(0, 100) })
  }

  #find(text: string): number {
    let node = 0
    for (let i = 0; i < text.length && node >= 0; i++) node = this.#trie.next(node, text.charCodeAt(i))
    return node < 0 ? -1 : this.#trie.idAt(node)
  }

  #reserve(length: number): void {
    if (this.#best.length > length) return
    this.#best = new Float64Array(2 * length + 64)
    this.#starts = new Int32Array(2 * length + 64)
    this.#ids = new Int32Array(2 * length + 64)
  }
}

const UNKNOWN = -1
const encoder = new TextEncoder()
