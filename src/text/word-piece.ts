import { invalid } from './json-fields.ts'
import { PrefixTrie } from './prefix-trie.ts'
import type { OnToken, TokenModel } from './token-model.ts'
import type { Vocabulary } from './vocabulary.ts'
import { WordCache } from './word-cache.ts'

/** What a WordPiece model is made of. */
export interface WordPieceParts {
  readonly vocabulary: Vocabulary
  /** Marks the tokens that begin a word. */
  readonly startPrefix: string
  /** Marks the tokens that continue a word. */
  readonly continuingPrefix: string
  /** Stands for words that have no spelling. */
  readonly unknown: number | undefined
  /** Longer words, in code points, become the unknown token. */
  readonly maxWordLength: number
}

/**
 * Greedy longest match from the left; a word that has no spelling that way is unknown as a whole.
 * Source: Schuster and Nakajima, "Japanese and Korean Voice Search" (2012), as released with BERT.
 */
export class WordPiece implements TokenModel {
  readonly #parts: WordPieceParts
  readonly #trie: PrefixTrie
  readonly #startNode: number
  readonly #continuingNode: number
  readonly #cache = new WordCache()

  constructor(parts: WordPieceParts) {
    this.#parts = parts
    const { ids, tokens } = parts.vocabulary
    this.#trie = new PrefixTrie(tokens, id => ids.get(tokens[id]!) === id)
    this.#startNode = this.#nodeOf(parts.startPrefix)
    this.#continuingNode = this.#nodeOf(parts.continuingPrefix)
  }

  append(text: string, start: number, end: number, out: number[]): void {
    this.#cache.through(text, start, end, out, () => this.trace(text, start, end, id => out.push(id)))
  }

  trace(text: string, start: number, end: number, onToken: OnToken): void {
    const ids: number[] = []
    const ends: number[] = []
    let at = start
    if (codePoints(text, start, end) <= this.#parts.maxWordLength) {
      while (at < end) {
        const found = this.#longest(at === start ? this.#startNode : this.#continuingNode, text, at, end)
        if (found === undefined) break
        ids.push(found.id)
        ends.push(found.end)
        at = found.end
      }
    }
    if (at < end) {
      if (this.#parts.unknown === undefined) throw invalid('a word has no spelling and the vocabulary no unknown token')
      onToken(this.#parts.unknown, start, end)
      return
    }
    for (let i = 0; i < ids.length; i++) onToken(ids[i]!, i === 0 ? start : ends[i - 1]!, ends[i]!)
  }

  #longest(root: number, text: string, start: number, end: number): { id: number; end: number } | undefined {
    let node = root
    let id = -1
    let found = start
    for (let at = start; at < end && node >= 0; ) {
      node = this.#trie.next(node, text.charCodeAt(at++))
      if (node >= 0 && this.#trie.idAt(node) >= 0) {
        id = this.#trie.idAt(node)
        found = at
      }
    }
    return id < 0 ? undefined : { id, end: found }
  }

  #nodeOf(prefix: string): number {
    let node = 0
    for (let i = 0; i < prefix.length && node >= 0; i++) node = this.#trie.next(node, prefix.charCodeAt(i))
    return node
  }
}

function codePoints(text: string, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at++) if ((text.charCodeAt(at) & 0xfc00) !== 0xdc00) count++
  return count
}
