import type { PreTokenizer } from './pre-tokenizers.ts'
import type { Scanner } from './scanners.ts'
import type { TextIndex } from './text-index.ts'
import type { TokenModel } from './token-model.ts'

/** Cuts normalised text into pieces and has a model turn each into ids. */
export interface Segmenter {
  /**
   * Appends the ids of `text` to `out`.
   *
   * @param atStart - true when `text` begins the whole input
   */
  append(text: string, atStart: boolean, out: number[]): void
}

/** Pieces come from a scanner, without a string for each. */
export function scanningSegmenter(scan: Scanner, model: TokenModel): Segmenter {
  return {
    append(text, _atStart, out) {
      for (let start = 0; start < text.length; ) {
        const end = scan(text, start)
        model.append(text, start, end, out)
        start = end
      }
    },
  }
}

/** Pieces come from a chain of pre-tokenizers. */
export function splittingSegmenter(steps: readonly PreTokenizer[], model: TokenModel): Segmenter {
  return {
    append(text, atStart, out) {
      if (text === '') return
      let pieces = [{ text, atStart }]
      for (const step of steps) pieces = step(pieces)
      for (const piece of pieces) model.append(piece.text, 0, piece.text.length, out)
    },
  }
}

/**
 * A model that works word by word, where every word is a run of `mark` with what follows up to the next `mark`, so
 * that words are remembered and short. Changes nothing when no token holds a mark after another character.
 */
export function wordwise(model: TokenModel, mark: string): TokenModel {
  return {
    append(text, start, end, out) {
      for (let word = start; word < end; ) {
        let next = word
        while (next < end && text.startsWith(mark, next)) next += mark.length
        const found = text.indexOf(mark, next)
        next = found < 0 || found > end ? end : found
        model.append(text, word, next, out)
        word = next
      }
    },
  }
}

/** True when no token holds `mark` after another character and `mark` itself is a token. */
export function wordsBeginWith(mark: string, ids: TextIndex): boolean {
  if (!ids.has(mark)) return false
  for (const token of ids.keys()) {
    let at = 0
    while (token.startsWith(mark, at)) at += mark.length
    if (token.includes(mark, at)) return false
  }
  return true
}
