import { originOf } from './aligned-text.ts'
import { isDropped, runStep, type Step } from './pre-tokenizers.ts'
import type { Piece } from './splitting.ts'
import type { TextIndex } from './text-index.ts'
import type { OnToken, TokenModel } from './token-model.ts'

/** Cuts normalised text into pieces and has a model turn each into ids. */
export interface Segmenter {
  /**
   * Appends the ids of `text` to `out`.
   *
   * @param atStart - true when `text` begins the whole input
   */
  append(text: string, atStart: boolean, out: number[]): void
  /** The same ids with the part of the original text that each stands for; `onPiece` is called before those of a piece. */
  trace(piece: Piece, onPiece: () => void, onToken: OnToken): void
}

/** Pieces come from a chain of pre-tokenizers. A scan at its end needs no string for each piece. */
export function segmenter(steps: readonly Step[], model: TokenModel): Segmenter {
  const last = steps.at(-1)
  const scan = last?.kind === 'scan' ? last : { scan: wholeText, dropsSpace: false }
  const runs = (last?.kind === 'scan' ? steps.slice(0, -1) : steps).map(runStep)
  const cut = (piece: Piece): readonly Piece[] => runs.reduce<readonly Piece[]>((pieces, run) => run(pieces), [piece])
  const visit = (text: string, onPart: (start: number, end: number) => void): void => {
    for (let start = 0; start < text.length; ) {
      const end = scan.scan(text, start)
      if (!isDropped(scan, text, start)) onPart(start, end)
      start = end
    }
  }
  return {
    append(text, atStart, out) {
      if (text === '') return
      for (const piece of cut({ text, atStart })) visit(piece.text, (start, end) => model.append(piece.text, start, end, out))
    },
    trace(whole, onPiece, onToken) {
      if (whole.text === '') return
      for (const piece of cut(whole)) {
        visit(piece.text, (start, end) => {
          onPiece()
          model.trace(piece.text, start, end, (id, from, to) => {
            const [begin, stop] = originOf(piece, from, to) ?? [0, 0]
            onToken(id, begin, stop)
          })
        })
      }
    },
  }
}

/**
 * A model that works word by word, where every word is a run of `mark` with what follows up to the next `mark`, so
 * that words are remembered and short. Changes nothing when no token holds a mark after another character.
 */
export function wordwise(model: TokenModel, mark: string): TokenModel {
  const visit = (text: string, start: number, end: number, onWord: (from: number, to: number) => void): void => {
    for (let word = start; word < end; ) {
      let next = word
      while (next < end && text.startsWith(mark, next)) next += mark.length
      const found = text.indexOf(mark, next)
      next = found < 0 || found > end ? end : found
      onWord(word, next)
      word = next
    }
  }
  return {
    append: (text, start, end, out) => visit(text, start, end, (from, to) => model.append(text, from, to, out)),
    trace: (text, start, end, onToken) => visit(text, start, end, (from, to) => model.trace(text, from, to, onToken)),
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

function wholeText(text: string): number {
  return text.length
}
