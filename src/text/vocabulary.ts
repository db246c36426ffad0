import type { TextIndex } from './text-index.ts'

/** Token texts by id, and ids by the texts that encoding may produce. */
export interface Vocabulary {
  /** Text of each id as the file spells it; undefined where an id is not used. */
  readonly tokens: readonly (string | undefined)[]
  /** Ids that plain text can become; special tokens of GGUF files are not among them. */
  readonly ids: TextIndex
}

/**
 * Text of a symbol while words are merged: a token, or a character the vocabulary lacks, which has the id
 * `tokens.length + code point` until merging is over.
 */
export function symbolText(vocabulary: Vocabulary, symbol: number): string {
  const count = vocabulary.tokens.length
  return symbol < count ? (vocabulary.tokens[symbol] ?? '') : String.fromCodePoint(symbol - count)
}
