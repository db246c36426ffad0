import { fromByteAlphabet } from './byte-alphabet.ts'
import { asCount, asList, asRecord, asString, checkDepth, invalid, unknownKind } from './json-fields.ts'
import { parseReplace } from './normalizers.ts'

/** How the texts of tokens become text, one token at a time, so that batches and streams agree. */
export interface Decoding {
  /** What each token becomes before the parts are joined. */
  readonly stages: readonly TokenStage[]
  /** Characters taken from both ends of the joined text. */
  readonly trims: readonly Trim[]
}

/** Turns a token's text into other text, or into bytes, which later stages leave alone. */
export type TokenStage = (token: string, isFirst: boolean) => string | Uint8Array

/** Takes up to `start` times `character` from the start of the text and up to `stop` times from its end. */
export interface Trim {
  readonly character: string
  readonly start: number
  readonly stop: number
}

/** Most characters a decoder may take from either end of a text. */
const MAX_TRIM = 1024

interface Draft {
  readonly stages: TokenStage[]
  readonly trims: Trim[]
  isFused: boolean
}

const KINDS: Readonly<Record<string, (fields: Record<string, unknown>, draft: Draft, depth: number) => void>> = {
  Sequence: (fields, draft, depth) => {
    for (const each of asList(fields['decoders'], 'decoder.decoders')) addDecoder(each, draft, depth + 1)
  },
  ByteLevel: (_fields, draft) => draft.stages.push(fromByteAlphabet),
  ByteFallback: (_fields, draft) => draft.stages.push(fromByteToken),
  Fuse: (_fields, draft) => {
    draft.isFused = true
  },
  Replace: (fields, draft) => {
    const pattern = asRecord(fields['pattern'], 'Replace.pattern')
    const isOneCharacter = typeof pattern['String'] === 'string' && [...pattern['String']].length === 1
    if (draft.isFused && !isOneCharacter) throw invalid('a Replace decoder after Fuse should replace a single character', { pattern })
    draft.stages.push(parseReplace(fields))
  },
  Strip: (fields, draft) => {
    const trim = {
      character: asString(fields['content'], 'Strip.content'),
      start: asCount(fields['start'], 'Strip.start', MAX_TRIM),
      stop: asCount(fields['stop'], 'Strip.stop', MAX_TRIM),
    }
    if ([...trim.character].length !== 1) throw invalid('Strip.content should be one character', { content: trim.character })
    if (draft.isFused) draft.trims.push(trim)
    else draft.stages.push(token => trimmed(token, trim))
  },
  Metaspace: (fields, draft) => {
    const mark = asString(fields['replacement'] ?? '▁', 'Metaspace.replacement')
    const legacy = fields['add_prefix_space'] === false ? 'never' : 'always'
    const isPrefixed = (fields['prepend_scheme'] ?? legacy) !== 'never'
    draft.stages.push((token, isFirst) => token.replaceAll(mark, isFirst && isPrefixed ? '' : ' '))
  },
  BPEDecoder: (fields, draft) => {
    const suffix = asString(fields['suffix'], 'BPEDecoder.suffix')
    draft.stages.push(token => (suffix !== '' && token.endsWith(suffix) ? `${token.slice(0, -suffix.length)} ` : token))
    draft.trims.push({ character: ' ', start: 0, stop: 1 })
  },
}

/** The `decoder` of tokenizer.json; without one tokens are joined by spaces. */
export function parseDecoder(value: unknown): Decoding {
  if (value === null || value === undefined) return { stages: [(token, isFirst) => (isFirst ? token : ` ${token}`)], trims: [] }
  const draft: Draft = { stages: [], trims: [], isFused: false }
  addDecoder(value, draft, 0)
  return draft
}

/** Bytes of a token in the byte alphabet. */
export const BYTE_LEVEL_DECODING: Decoding = { stages: [fromByteAlphabet], trims: [] }

/** SentencePiece: `mark` stands for a space, byte tokens for bytes; `dropsSpace` takes one space from the start of the text. */
export function sentencePieceDecoding(mark: string, dropsSpace: boolean): Decoding {
  return {
    stages: [token => token.replaceAll(mark, ' '), fromByteToken],
    trims: dropsSpace ? [{ character: ' ', start: 1, stop: 0 }] : [],
  }
}

function addDecoder(value: unknown, draft: Draft, depth: number): void {
  checkDepth(depth, 'decoder')
  const fields = asRecord(value, 'decoder')
  const kind = asString(fields['type'], 'decoder.type')
  const add = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (!add) throw unknownKind('decoder', kind, Object.keys(KINDS))
  add(fields, draft, depth)
}

function fromByteToken(token: string): string | Uint8Array {
  return /^<0x[0-9A-Fa-f]{2}>$/.test(token) ? Uint8Array.of(Number.parseInt(token.slice(3, 5), 16)) : token
}

function trimmed(text: string, trim: Trim): string {
  const width = trim.character.length
  let start = 0
  let end = text.length
  for (let i = 0; i < trim.start && text.startsWith(trim.character, start); i++) start += width
  for (let i = 0; i < trim.stop && end - width >= start && text.endsWith(trim.character, end); i++) end -= width
  return text.slice(start, end)
}
