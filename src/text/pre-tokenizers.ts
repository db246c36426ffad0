import { toByteAlphabet } from './byte-alphabet.ts'
import { asFlag, asList, asRecord, asString, checkDepth, invalid, unknownKind } from './json-fields.ts'
import { compilePattern, literalPattern } from './oniguruma-pattern.ts'
import { GPT2_PATTERN, KNOWN_SCANNERS, type Scanner } from './scanners.ts'

/** A part of the input on its way to the model. */
export interface Piece {
  readonly text: string
  /** True when the piece begins the whole input. */
  readonly atStart: boolean
}

/** Cuts pieces into smaller ones. */
export type PreTokenizer = (pieces: readonly Piece[]) => Piece[]

/** One step of cutting text. */
export type Step =
  /** Every match and every gap between matches is a piece. */
  | { readonly kind: 'isolate'; readonly pattern: string }
  /** Spells pieces in the byte alphabet. */
  | { readonly kind: 'bytes' }
  | { readonly kind: 'other'; readonly run: PreTokenizer }

/** What becomes of the matches of a pattern. */
const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const
type Behavior = (typeof BEHAVIORS)[number]

const KINDS: Readonly<Record<string, (fields: Record<string, unknown>, depth: number) => Step[]>> = {
  Sequence: (fields, depth) =>
    asList(fields['pretokenizers'], 'pre_tokenizer.pretokenizers').flatMap(each => parsePreTokenizer(each, depth + 1)),
  ByteLevel: fields => [
    ...(asFlag(fields['add_prefix_space'], 'ByteLevel.add_prefix_space', true) ? [eachPiece(prefixSpace)] : []),
    ...(asFlag(fields['use_regex'], 'ByteLevel.use_regex', true) ? [{ kind: 'isolate', pattern: GPT2_PATTERN } as const] : []),
    { kind: 'bytes' },
  ],
  Split: fields => [splitStep(fields)],
  Digits: fields => [
    cut(/\p{N}/gu, asFlag(fields['individual_digits'], 'Digits.individual_digits', false) ? 'Isolated' : 'Contiguous', false),
  ],
  Punctuation: fields => [cut(/[\p{P}!-/:-@[-`{-~]/gu, behaviorOf(fields['behavior'] ?? 'Isolated'), false)],
  Whitespace: () => [cut(compilePattern('\\w+|[^\\w\\s]+'), 'Removed', true)],
  WhitespaceSplit: () => [cut(/\p{White_Space}/gu, 'Removed', false)],
  CharDelimiterSplit: fields => [cut(literalPattern(asString(fields['delimiter'], 'CharDelimiterSplit.delimiter')), 'Removed', false)],
  Metaspace: fields => metaspace(fields),
}

/** The steps of a `pre_tokenizer` of tokenizer.json. */
export function parsePreTokenizer(value: unknown, depth = 0): Step[] {
  if (value === null || value === undefined) return []
  checkDepth(depth, 'pre_tokenizer')
  const fields = asRecord(value, 'pre_tokenizer')
  const kind = asString(fields['type'], 'pre_tokenizer.type')
  const parse = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (!parse) throw unknownKind('pre-tokenizer', kind, Object.keys(KINDS))
  return parse(fields, depth)
}

/** A step as a function over pieces. */
export function runStep(step: Step): PreTokenizer {
  if (step.kind === 'other') return step.run
  if (step.kind === 'bytes') return pieces => pieces.map(piece => ({ ...piece, text: toByteAlphabet(piece.text) }))
  const scan = scannerFor(step.pattern)
  return pieces => pieces.flatMap(piece => scanPieces(scan, piece))
}

/** The hand-written scanner of a pattern, else one that runs its regular expression. */
export function scannerFor(pattern: string): Scanner {
  return KNOWN_SCANNERS.get(pattern) ?? regexScanner(compilePattern(pattern))
}

/** A scanner whose pieces are the matches of `pattern` and the gaps between them. */
export function regexScanner(pattern: RegExp): Scanner {
  const matcher = new RegExp(pattern.source, pattern.flags)
  return (text, start) => {
    for (let from = start; from < text.length; from++) {
      matcher.lastIndex = from
      const match = matcher.exec(text)
      if (match === null) break
      if (match.index > start) return match.index
      if (match[0].length > 0) return start + match[0].length
    }
    return text.length
  }
}

function scanPieces(scan: Scanner, piece: Piece): Piece[] {
  const pieces: Piece[] = []
  for (let start = 0; start < piece.text.length; ) {
    const end = scan(piece.text, start)
    pieces.push({ text: piece.text.slice(start, end), atStart: piece.atStart && start === 0 })
    start = end
  }
  return pieces
}

function splitStep(fields: Record<string, unknown>): Step {
  const pattern = asRecord(fields['pattern'], 'Split.pattern')
  const behavior = behaviorOf(fields['behavior'])
  const isInverted = asFlag(fields['invert'], 'Split.invert', false)
  if (typeof pattern['Regex'] === 'string') {
    // Matches and gaps change places when inverted, which isolation cannot tell.
    if (behavior === 'Isolated') {
      scannerFor(pattern['Regex'])
      return { kind: 'isolate', pattern: pattern['Regex'] }
    }
    return cut(compilePattern(pattern['Regex']), behavior, isInverted)
  }
  const text = asString(pattern['String'], 'Split.pattern.String')
  if (text === '') throw invalid('Split.pattern.String is empty')
  return cut(literalPattern(text), behavior, isInverted)
}

function behaviorOf(value: unknown): Behavior {
  const name = asString(value, 'behavior')
  const found = BEHAVIORS.find(each => each === name)
  if (!found) throw unknownKind('split behavior', name, BEHAVIORS)
  return found
}

function metaspace(fields: Record<string, unknown>): Step[] {
  const mark = asString(fields['replacement'] ?? '▁', 'Metaspace.replacement')
  if ([...mark].length !== 1) throw invalid('Metaspace.replacement should be one character', { replacement: mark })
  const legacy = asFlag(fields['add_prefix_space'], 'Metaspace.add_prefix_space', true) ? 'always' : 'never'
  const scheme = asString(fields['prepend_scheme'] ?? legacy, 'Metaspace.prepend_scheme')
  if (!['always', 'first', 'never'].includes(scheme)) throw unknownKind('Metaspace.prepend_scheme', scheme, ['always', 'first', 'never'])
  const marked = eachPiece((text, atStart) => {
    const spaced = text.replaceAll(' ', mark)
    const wantsMark = scheme === 'always' || (scheme === 'first' && atStart)
    return wantsMark && !spaced.startsWith(mark) ? mark + spaced : spaced
  })
  return asFlag(fields['split'], 'Metaspace.split', true) ? [marked, cut(literalPattern(mark), 'MergedWithNext', false)] : [marked]
}

function eachPiece(change: (text: string, atStart: boolean) => string): Step {
  return { kind: 'other', run: pieces => pieces.map(piece => ({ ...piece, text: change(piece.text, piece.atStart) })) }
}

function prefixSpace(text: string): string {
  return /^\p{White_Space}/u.test(text) ? text : ` ${text}`
}

/** Cuts at the matches of `pattern`, or between them when inverted, and treats them as `behavior` says. */
function cut(pattern: RegExp, behavior: Behavior, isInverted: boolean): Step {
  return { kind: 'other', run: pieces => pieces.flatMap(piece => cutPiece(piece, pattern, behavior, isInverted)) }
}

function cutPiece(piece: Piece, pattern: RegExp, behavior: Behavior, isInverted: boolean): Piece[] {
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
    if (match[0] === '') continue
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
    if (!(behavior === 'Removed' && isDelimiter[i])) pieces.push({ text: text.slice(start, end), atStart: piece.atStart && start === 0 })
    start = end
  }
  return pieces
}
