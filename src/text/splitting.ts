import { type AlignedText, sliceAligned } from './aligned-text.ts'
import { asString, unknownKind } from './json-fields.ts'

/** A part of the input on its way to the model. */
export interface Piece extends AlignedText {
  /** True when the piece begins the whole input. */
  readonly atStart: boolean
}

/** Cuts pieces into smaller ones. */
export type PreTokenizer = (pieces: readonly Piece[]) => Piece[]

/** What becomes of the matches of a pattern. */
const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const

/** What becomes of the matches of a pattern. */
export type SplitBehavior = (typeof BEHAVIORS)[number]

/** The behavior that a file names. */
export function parseBehavior(value: unknown): SplitBehavior {
  const name = asString(value, 'behavior')
  const found = BEHAVIORS.find(each => each === name)
  if (!found) throw unknownKind('split behavior', name, BEHAVIORS)
  return found
}

/** The part of a piece from `start` to `end`. */
export function slicePiece(piece: Piece, start: number, end: number): Piece {
  return { ...sliceAligned(piece, start, end), atStart: piece.atStart && start === 0 }
}

/** Cuts at the matches of `pattern`, or between them when inverted, and treats them as `behavior` says. */
export function splitter(pattern: RegExp, behavior: SplitBehavior, isInverted: boolean): PreTokenizer {
  return pieces => pieces.flatMap(piece => cutPiece(piece, pattern, behavior, isInverted))
}

function cutPiece(piece: Piece, pattern: RegExp, behavior: SplitBehavior, isInverted: boolean): Piece[] {
  const { text } = piece
  // Ends of alternating parts, and whether each part is a delimiter.
  const ends: number[] = []
  const isDelimiter: boolean[] = []
  const add = (end: number, matches: boolean): void => {
    if (end <= (ends.at(-1) ?? 0)) return
    ends.push(end)
    isDelimiter.push(matches !== isInverted)
  }
  for (const match of text.matchAll(pattern)) {
    // An empty match still ends what is before it.
    add(match.index, false)
    add(match.index + match[0].length, true)
  }
  add(text.length, false)
  const pieces: Piece[] = []
  let start = 0
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i]!
    const joinsNext =
      (behavior === 'MergedWithNext' && isDelimiter[i] && isDelimiter[i + 1] === false) ||
      (behavior === 'MergedWithPrevious' && !isDelimiter[i] && isDelimiter[i + 1] === true) ||
      (behavior === 'Contiguous' && isDelimiter[i] === isDelimiter[i + 1])
    if (joinsNext) continue
    if (!(behavior === 'Removed' && isDelimiter[i])) pieces.push(slicePiece(piece, start, end))
    start = end
  }
  return pieces
}

/** Keeps the parts that `parts` calls back with, in order, and drops what is between them. */
export function partSplitter(parts: (text: string, onPart: (start: number, end: number) => void) => void): PreTokenizer {
  return pieces =>
    pieces.flatMap(piece => {
      const found: Piece[] = []
      parts(piece.text, (start, end) => {
        if (end > start) found.push(slicePiece(piece, start, end))
      })
      return found
    })
}
