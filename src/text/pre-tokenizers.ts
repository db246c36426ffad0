import { byteLevelNormalizer } from './byte-alphabet.ts'
import { asCount, asFlag, asList, asRecord, asString, checkDepth, invalid, unknownKind } from './json-fields.ts'
import { metaspacePreTokenizers, parseMetaspace } from './metaspace.ts'
import { prependNormalizer } from './normalizer.ts'
import { compilePattern, literalPattern } from './oniguruma-pattern.ts'
import { GPT2_PATTERN, KNOWN_SCANNERS, type Scanner } from './scanners.ts'
import { type Piece, type PreTokenizer, parseBehavior, partSplitter, slicePiece, splitter } from './splitting.ts'
import { classAt, SPACE } from './unicode-class.ts'
import { scriptRuns } from './unicode-scripts.ts'
import { PUNCTUATION } from './unicode-sets.ts'
import { scanBertWord, scanMarked } from './word-scanners.ts'

/** One step of cutting text. */
export type Step =
  /** Pieces lie one after the other; with `dropsSpace` those that begin with white space are no pieces. */
  | { readonly kind: 'scan'; readonly scan: Scanner; readonly dropsSpace: boolean }
  /** Spells pieces in the byte alphabet. */
  | { readonly kind: 'bytes' }
  | { readonly kind: 'other'; readonly run: PreTokenizer }

/** Largest length of `FixedLength` pieces. */
const MAX_LENGTH = 1 << 20

const KINDS: Readonly<Record<string, (fields: Record<string, unknown>, depth: number) => Step[]>> = {
  Sequence: (fields, depth) =>
    asList(fields['pretokenizers'], 'pre_tokenizer.pretokenizers').flatMap(each => parsePreTokenizer(each, depth + 1)),
  ByteLevel: fields => [
    ...(asFlag(fields['add_prefix_space'], 'ByteLevel.add_prefix_space', true) ? [other(prefixSpace)] : []),
    ...(asFlag(fields['use_regex'], 'ByteLevel.use_regex', true) ? [isolate(GPT2_PATTERN)] : []),
    { kind: 'bytes' },
  ],
  BertPreTokenizer: () => [{ kind: 'scan', scan: scanBertWord, dropsSpace: true }],
  Split: fields => [splitStep(fields)],
  Digits: fields => [
    cut(/\p{N}/gu, asFlag(fields['individual_digits'], 'Digits.individual_digits', false) ? 'Isolated' : 'Contiguous', false),
  ],
  Punctuation: fields => [cut(PUNCTUATION, parseBehavior(fields['behavior'] ?? 'Isolated'), false)],
  // The words of Rust's regular expressions.
  Whitespace: () => [
    cut(
      /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu,
      'Removed',
      true,
    ),
  ],
  WhitespaceSplit: () => [cut(/\p{White_Space}/gu, 'Removed', false)],
  CharDelimiterSplit: fields => [
    cut(literalPattern(asOneCharacter(fields['delimiter'], 'CharDelimiterSplit.delimiter')), 'Removed', false),
  ],
  UnicodeScripts: () => [other(partSplitter(scriptRuns))],
  FixedLength: fields => [other(fixedLength(asCount(fields['length'] ?? 5, 'FixedLength.length', MAX_LENGTH)))],
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
  if (step.kind === 'bytes') return pieces => pieces.map(piece => ({ ...byteLevelNormalizer(piece), atStart: piece.atStart }))
  return pieces => pieces.flatMap(piece => scanPieces(step, piece))
}

/** Every match of a pattern and every gap between matches is a piece. */
export function isolate(pattern: string): Step {
  return { kind: 'scan', scan: scannerFor(pattern), dropsSpace: false }
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

/** True when the piece that begins at `start` is none because it is white space. */
export function isDropped(step: { readonly dropsSpace: boolean }, text: string, start: number): boolean {
  return step.dropsSpace && classAt(text, start) === SPACE
}

function scanPieces(step: Step & { readonly kind: 'scan' }, piece: Piece): Piece[] {
  const pieces: Piece[] = []
  for (let start = 0; start < piece.text.length; ) {
    const end = step.scan(piece.text, start)
    if (!isDropped(step, piece.text, start)) pieces.push(slicePiece(piece, start, end))
    start = end
  }
  return pieces
}

function splitStep(fields: Record<string, unknown>): Step {
  const pattern = asRecord(fields['pattern'], 'Split.pattern')
  const behavior = parseBehavior(fields['behavior'])
  const isInverted = asFlag(fields['invert'], 'Split.invert', false)
  if (typeof pattern['Regex'] === 'string') {
    // Matches and gaps change places when inverted, which isolation cannot tell.
    if (behavior === 'Isolated') return isolate(pattern['Regex'])
    return cut(compilePattern(pattern['Regex']), behavior, isInverted)
  }
  const text = asString(pattern['String'], 'Split.pattern.String')
  if (text === '') throw invalid('Split.pattern.String is empty')
  return cut(literalPattern(text), behavior, isInverted)
}

function metaspace(fields: Record<string, unknown>): Step[] {
  const parsed = parseMetaspace(fields)
  const [marked] = metaspacePreTokenizers(parsed)
  return [other(marked!), ...(parsed.splits ? [{ kind: 'scan', scan: scanMarked(parsed.mark), dropsSpace: false } as const] : [])]
}

function fixedLength(length: number): PreTokenizer {
  if (length === 0) throw invalid('FixedLength.length should be at least 1')
  return partSplitter((text, onPart) => {
    for (let start = 0; start < text.length; ) {
      let end = start
      for (let i = 0; i < length && end < text.length; i++) end += text.codePointAt(end)! > 0xffff ? 2 : 1
      onPart(start, end)
      start = end
    }
  })
}

const space = prependNormalizer(' ')

const prefixSpace: PreTokenizer = pieces =>
  pieces.map(piece => (piece.text.startsWith(' ') ? piece : { ...space(piece), atStart: piece.atStart }))

function asOneCharacter(value: unknown, where: string): string {
  const text = asString(value, where)
  if ([...text].length !== 1) throw invalid(`${where} should be one character`, { text: text.slice(0, 100) })
  return text
}

function other(run: PreTokenizer): Step {
  return { kind: 'other', run }
}

function cut(...parts: Parameters<typeof splitter>): Step {
  return other(splitter(...parts))
}
