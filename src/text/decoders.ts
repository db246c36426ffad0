import { fromByteAlphabet } from './byte-alphabet.ts'
import { asCount, asFlag, asList, asRecord, asString, checkDepth, invalid, unknownKind } from './json-fields.ts'
import { parseMetaspace } from './metaspace.ts'
import { parseReplace } from './normalizers.ts'

/** How the texts of tokens become text, one token at a time, so that batches and streams agree. */
export interface Decoding {
  /** What each token becomes before the parts are joined. */
  readonly stages: readonly TokenStage[]
  /** What happens to the joined text, in order. */
  readonly filters: readonly TextFilter[]
  /** Of equal tokens in a row only the first counts. */
  readonly dropsRepeats?: boolean
}

/** A change of the joined text. */
export type TextFilter = Trim | Substitution

/** Puts `content` for each `literal`. */
export interface Substitution {
  readonly literal: string
  readonly content: string
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
  readonly filters: TextFilter[]
  isFused: boolean
  dropsRepeats: boolean
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
    const replace = parseReplace(fields)
    if (!draft.isFused) {
      draft.stages.push(token => replace({ text: token }).text)
      return
    }
    if (typeof pattern['String'] !== 'string')
      throw invalid('a Replace decoder after Fuse should replace a String, since text is decoded while it arrives', { pattern })
    draft.filters.push({ literal: pattern['String'], content: replace({ text: pattern['String'] }).text })
  },
  Strip: (fields, draft) => {
    const trim = {
      character: asString(fields['content'], 'Strip.content'),
      start: asCount(fields['start'], 'Strip.start', MAX_TRIM),
      stop: asCount(fields['stop'], 'Strip.stop', MAX_TRIM),
    }
    if ([...trim.character].length !== 1) throw invalid('Strip.content should be one character', { content: trim.character })
    if (draft.isFused) draft.filters.push(trim)
    else draft.stages.push(token => trimmed(token, trim))
  },
  Metaspace: (fields, draft) => {
    const { mark, scheme } = parseMetaspace(fields)
    draft.stages.push((token, isFirst) => token.replaceAll(mark, isFirst && scheme !== 'never' ? '' : ' '))
  },
  BPEDecoder: (fields, draft) => {
    const suffix = asString(fields['suffix'], 'BPEDecoder.suffix')
    draft.stages.push(token => (suffix === '' ? token : token.replaceAll(suffix, ' ')))
    draft.filters.push({ character: ' ', start: 0, stop: 1 })
  },
  WordPiece: (fields, draft) => {
    const prefix = asString(fields['prefix'] ?? '##', 'WordPiece.prefix')
    const cleans = asFlag(fields['cleanup'], 'WordPiece.cleanup', true)
    draft.stages.push((token, isFirst) => {
      const text = isFirst ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`
      return cleans ? cleanUp(text) : text
    })
  },
  CTC: (fields, draft) => {
    const pad = asString(fields['pad_token'] ?? '<pad>', 'CTC.pad_token')
    const delimiter = asString(fields['word_delimiter_token'] ?? '|', 'CTC.word_delimiter_token')
    const cleans = asFlag(fields['cleanup'], 'CTC.cleanup', true)
    draft.dropsRepeats = true
    draft.stages.push(token => {
      const text = pad === '' ? token : token.replaceAll(pad, '')
      if (!cleans) return text
      return delimiter === '' ? cleanUp(text) : cleanUp(text).replaceAll(delimiter, ' ')
    })
  },
}

/** The `decoder` of tokenizer.json; without one tokens are joined by spaces. */
export function parseDecoder(value: unknown): Decoding {
  if (value === null || value === undefined) return { stages: [(token, isFirst) => (isFirst ? token : ` ${token}`)], filters: [] }
  const draft: Draft = { stages: [], filters: [], isFused: false, dropsRepeats: false }
  addDecoder(value, draft, 0)
  return draft
}

/** Bytes of a token in the byte alphabet. */
export const BYTE_LEVEL_DECODING: Decoding = { stages: [fromByteAlphabet], filters: [] }

/** SentencePiece: `mark` stands for a space, byte tokens for bytes; `dropsSpace` takes one space from the start of the text. */
export function sentencePieceDecoding(mark: string, dropsSpace: boolean): Decoding {
  return {
    stages: [token => token.replaceAll(mark, ' '), fromByteToken],
    filters: dropsSpace ? [{ character: ' ', start: 1, stop: 0 }] : [],
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

/** Takes the spaces back that cutting put before marks and shortened words of English. */
export function cleanUp(text: string): string {
  let clean = text
  for (const [spaced, joined] of CLEAN_UPS) clean = clean.replaceAll(spaced, joined)
  return clean
}

const CLEAN_UPS: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
]
