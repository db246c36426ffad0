import type { AddedToken } from './added-tokens.ts'
import { Bpe, findByteTokens } from './bpe.ts'
import { BYTE_LEVEL_DECODING, sentencePieceDecoding } from './decoders.ts'
import { endIds } from './end-of-turn.ts'
import { bertParts } from './gguf-bert.ts'
import { ggufPreTokenizer } from './gguf-pre-tokenizers.ts'
import { asFlag, asString, invalid, MAX_VOCABULARY, unknownKind } from './json-fields.ts'
import { UNKNOWN_PENALTY } from './json-models.ts'
import { MergeRules } from './merge-rules.ts'
import { normalizerChain, prependNormalizer, replaceNormalizer } from './normalizer.ts'
import { Pipeline, type PipelineParts } from './pipeline.ts'
import { framingProcessor } from './post-processors.ts'
import { isolate } from './pre-tokenizers.ts'
import { PrecompiledCharsmap } from './precompiled-charsmap.ts'
import { segmenter, wordsBeginWith, wordwise } from './segmenter.ts'
import { sentencePieceNormalizer } from './sentence-piece-normalizer.ts'
import { ListIndex } from './text-index.ts'
import type { SpecialIds, Tokenizer } from './tokenizer.ts'
import { Unigram } from './unigram.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Metadata of a GGUF file: arrays as lists or typed arrays, scalars as numbers, bigints, strings, booleans. */
type Metadata = ReadonlyMap<string, unknown>

/** Values of `tokenizer.ggml.token_type`. Source: the GGUF specification and llama.cpp's `llama_token_type`. */
const NORMAL = 1
const UNKNOWN = 2
const CONTROL = 3
const USER_DEFINED = 4
const UNUSED = 5
const BYTE = 6

/** What all GGUF tokenizers share. */
interface Common {
  readonly tokens: readonly string[]
  readonly types: ArrayLike<number>
  readonly added: readonly AddedToken[]
  /** Ids that plain text may become. */
  readonly vocabulary: Vocabulary
  readonly special: SpecialIds
}

type ModelParts = Pick<PipelineParts, 'normalizer' | 'segmenter' | 'decoding'> & {
  /** Special tokens that are added unless the file says otherwise. */
  readonly addsBos: boolean
  readonly addsEos?: boolean
  /** Between and after texts comes the separator. */
  readonly addsSeparator?: boolean
  /** Special tokens are decoded as others are. */
  readonly decodesSpecial?: boolean
}

const MODELS: Readonly<Record<string, (metadata: Metadata, common: Common) => ModelParts>> = {
  gpt2: byteLevel,
  llama: sentencePiece,
  t5: unigram,
  bert: wordPiece,
}

/**
 * The tokenizer in the metadata of a GGUF file, `tokenizer.ggml.*`.
 *
 * @throws HenceError `TOKENIZER_INVALID` for malformed metadata or an unknown kind of tokenizer
 */
export function tokenizerFromGguf(metadata: ReadonlyMap<string, unknown>): Tokenizer {
  const kind = asString(metadata.get(key('model')), key('model'))
  const build = Object.hasOwn(MODELS, kind) ? MODELS[kind] : undefined
  if (!build) throw unknownKind('GGUF tokenizer model', kind, Object.keys(MODELS))
  const common = readCommon(metadata)
  const { addsBos, addsEos = false, addsSeparator = false, decodesSpecial = false, ...parts } = build(metadata, common)
  const { eos } = common.special
  const bos = common.special.bos ?? tokenId(metadata, 'cls_token_id', common.tokens.length)
  const flag = (name: string, fallback: boolean): boolean => asFlag(metadata.get(key(name)), key(name), fallback)
  const separator = flag('add_sep_token', addsSeparator) ? separatorId(metadata, common.tokens.length) : undefined
  const frame = {
    before: flag('add_bos_token', addsBos) && bos !== undefined ? [bos] : [],
    after: [...(separator === undefined ? [] : [separator]), ...(flag('add_eos_token', addsEos) && eos[0] !== undefined ? [eos[0]] : [])],
  }
  return new Pipeline({
    ...parts,
    tokens: common.tokens,
    added: common.added,
    processor: framingProcessor(frame, separator === undefined ? frame : { before: [], after: frame.after }),
    verbatim: new Set(decodesSpecial ? [] : common.added.map(token => token.id)),
    special: common.special,
  })
}

/** GPT-2's kind: merges over bytes. */
function byteLevel(metadata: Metadata, { vocabulary }: Common): ModelParts {
  const pre = metadata.get(key('pre'))
  const named = ggufPreTokenizer(typeof pre === 'string' ? pre : undefined)
  const { patterns, ignoreMerges = false, addsBos = false, spellsCharacters = false, marksSpaces = false } = named
  const merges = stringList(metadata, 'merges')
  for (let rank = 0; rank < merges.length; rank++) {
    if (merges[rank]!.indexOf(' ') <= 0) throw invalid(`${key('merges')}[${rank}] should be two texts and a space`, { rank })
  }
  const model = new Bpe({
    vocabulary,
    rules: MergeRules.byRank(vocabulary, new ListIndex(merges), ' '),
    alphabet: spellsCharacters ? 'characters' : 'bytes',
    ignoreMerges,
    ...(spellsCharacters ? { byteTokens: findByteTokens(vocabulary.ids) } : {}),
  })
  if (spellsCharacters)
    return {
      segmenter: segmenter(patterns.map(isolate), model),
      decoding: sentencePieceDecoding('▁', false),
      addsBos,
      ...(marksSpaces ? { normalizer: replaceNormalizer(/ /g, '▁') } : {}),
    }
  return { segmenter: segmenter(patterns.map(isolate), model), decoding: BYTE_LEVEL_DECODING, addsBos }
}

/** T5's kind: SentencePiece's most likely pieces. */
function unigram(metadata: Metadata, { tokens, types, special }: Common): ModelParts {
  const scores = numberList(metadata, 'scores', tokens.length)
  if (scores === undefined) throw invalid(`${key('scores')} is missing`)
  const isNormal = (id: number): boolean => types[id] === undefined || types[id] === NORMAL
  let lowest = Infinity
  for (let id = 0; id < tokens.length; id++) if (isNormal(id)) lowest = Math.min(lowest, scores[id]!)
  const bytes = metadata.get(key('precompiled_charsmap'))
  const prefixesSpace = asFlag(metadata.get(key('add_space_prefix')), key('add_space_prefix'), true)
  const byteTokens = findByteTokens(new ListIndex(tokens, id => types[id] === BYTE))
  const model = new Unigram({
    tokens,
    // Tokens of the user go before all others.
    scores: Float64Array.from(scores, (score, id) => (types[id] === USER_DEFINED ? 0 : score)),
    includes: id => isNormal(id) || types[id] === USER_DEFINED || types[id] === UNUSED,
    unknown: special.unknown,
    unknownScore: Math.fround(Math.min(lowest, 0) - UNKNOWN_PENALTY),
    ...(byteTokens.every(id => id !== undefined) ? { byteTokens } : {}),
  })
  return {
    normalizer: sentencePieceNormalizer({
      charsmap: bytes === undefined ? undefined : new PrecompiledCharsmap(byteList(bytes)),
      prefixesSpace,
      mergesSpaces: asFlag(metadata.get(key('remove_extra_whitespaces')), key('remove_extra_whitespaces'), false),
    }),
    segmenter: segmenter([], model),
    decoding: sentencePieceDecoding('▁', prefixesSpace),
    addsBos: false,
    addsEos: true,
  }
}

/** BERT's kind: whole words, or their longest known parts from the left. */
function wordPiece(metadata: Metadata, { tokens, types, vocabulary, special }: Common): ModelParts {
  const unknown = special.unknown ?? vocabulary.ids.get('[UNK]')
  const texts = new Set(tokens.filter((_, id) => isSpecial(types[id])))
  const lowercases = asFlag(metadata.get(key('normalizer.lowercase')), key('normalizer.lowercase'), true)
  const parts = bertParts(vocabulary, { unknown, texts }, lowercases)
  return { ...parts, addsBos: true, addsSeparator: true, decodesSpecial: true }
}

/** SentencePiece's kind: scored pieces over characters, bytes for characters it lacks. */
function sentencePiece(metadata: Metadata, { tokens, types, vocabulary, special }: Common): ModelParts {
  const scores = numberList(metadata, 'scores', tokens.length)
  if (scores === undefined) throw invalid(`${key('scores')} is missing`)
  // Bytes and special tokens are never merged into existence.
  const ids = new ListIndex(tokens, id => !isSpecial(types[id]) && types[id] !== BYTE)
  const mergeable = { tokens, ids }
  const model = new Bpe({
    vocabulary: mergeable,
    rules: MergeRules.byScore(mergeable, scores),
    alphabet: 'characters',
    byteTokens: findByteTokens(vocabulary.ids),
    ...(special.unknown === undefined ? {} : { unknown: special.unknown }),
  })
  const prefixesSpace = asFlag(metadata.get(key('add_space_prefix')), key('add_space_prefix'), true)
  return {
    normalizer: normalizerChain([...(prefixesSpace ? [prependNormalizer(' ')] : []), replaceNormalizer(/ /g, '▁')]),
    segmenter: segmenter([], wordsBeginWith('▁', ids) ? wordwise(model, '▁') : model),
    decoding: sentencePieceDecoding('▁', prefixesSpace),
    addsBos: true,
  }
}

function readCommon(metadata: Metadata): Common {
  const tokens = stringList(metadata, 'tokens')
  if (tokens.length === 0 || tokens.length > MAX_VOCABULARY)
    throw invalid(`${key('tokens')} has ${tokens.length} entries, not 1 to ${MAX_VOCABULARY}`, {
      count: tokens.length,
      limit: MAX_VOCABULARY,
    })
  const types = numberList(metadata, 'token_type', tokens.length) ?? []
  const added: AddedToken[] = []
  const specialTexts = new Map<string, number>()
  const stripsAfter = trimsAfterSpecial(metadata)
  for (let id = 0; id < tokens.length; id++) {
    const content = tokens[id]!
    const type = types[id]
    if (!isSpecial(type)) continue
    specialTexts.set(content, id)
    const rstrip = stripsAfter(content, type)
    added.push({ id, content, special: type !== USER_DEFINED, lstrip: false, rstrip, singleWord: false, normalized: false })
  }
  const idAt = (name: string): number | undefined => tokenId(metadata, name, tokens.length)
  const bos = idAt('bos_token_id')
  const unknown = idAt('unknown_token_id')
  const pad = idAt('padding_token_id')
  return {
    tokens,
    types,
    added,
    vocabulary: { tokens, ids: new ListIndex(tokens, id => !isSpecial(types[id])) },
    special: {
      eos: endIds(text => specialTexts.get(text), [idAt('eos_token_id'), idAt('eot_token_id'), idAt('eom_token_id')]),
      ...(bos === undefined ? {} : { bos }),
      ...(unknown === undefined ? {} : { unknown }),
      ...(pad === undefined ? {} : { pad }),
    },
  }
}

/** True for tokens that are found in the input as they stand, and that nothing else becomes. */
function isSpecial(type: number | undefined): boolean {
  return type === UNKNOWN || type === CONTROL || type === USER_DEFINED
}

/**
 * Phi-3's special tokens take the white space after them, which GGUF has no field for; like llama.cpp this goes by
 * the name of the model.
 */
function trimsAfterSpecial(metadata: Metadata): (content: string, type: number | undefined) => boolean {
  const name = metadata.get('general.name')
  const isPhi3 = typeof name === 'string' && /phi-?3/i.test(name)
  const exceptions = ['<unk>', '<s>', '<|endoftext|>']
  return (content, type) => isPhi3 && (type === CONTROL || content === '</s>') && !exceptions.includes(content)
}

function key(name: string): string {
  return `tokenizer.ggml.${name}`
}

function stringList(metadata: Metadata, name: string): readonly string[] {
  const value = metadata.get(key(name))
  if (!Array.isArray(value)) throw invalid(`${key(name)} should be a list of strings`, { key: key(name) })
  for (let i = 0; i < value.length; i++)
    if (typeof value[i] !== 'string') throw invalid(`${key(name)}[${i}] should be a string`, { key: key(name), index: i })
  return value as readonly string[]
}

/** Numbers, one a token; undefined when the file has none. */
function numberList(metadata: Metadata, name: string, count: number): ArrayLike<number> | undefined {
  const value = metadata.get(key(name))
  if (value === undefined) return undefined
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
  const list = isList ? Array.from(value as ArrayLike<unknown>, Number) : []
  if (list.length !== count)
    throw invalid(`${key(name)} should hold ${count} numbers, one a token, not ${list.length}`, {
      key: key(name),
      count: list.length,
      tokens: count,
    })
  const wrong = list.findIndex(number => Number.isNaN(number))
  if (wrong >= 0) throw invalid(`${key(name)}[${wrong}] is not a number`, { key: key(name), index: wrong })
  return list
}

/** The separator, whose key the format spells wrong. */
function separatorId(metadata: Metadata, count: number): number | undefined {
  return tokenId(metadata, 'seperator_token_id', count) ?? tokenId(metadata, 'separator_token_id', count)
}

/** Bytes, which readers give as numbers with or without a sign. */
function byteList(value: unknown): Uint8Array {
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
  if (!isList) throw invalid(`${key('precompiled_charsmap')} should be a list of bytes`)
  return Uint8Array.from(value as ArrayLike<unknown>, each => (typeof each === 'number' ? each & 0xff : 0))
}

function tokenId(metadata: Metadata, name: string, count: number): number | undefined {
  const value = metadata.get(key(name))
  if (value === undefined) return undefined
  const id = typeof value === 'bigint' || typeof value === 'number' ? Number(value) : Number.NaN
  // Converters write all ones for "none".
  if (id === -1 || id === 0xffffffff) return undefined
  if (Number.isInteger(id) && id >= 0 && id < count) return id
  const found = typeof value === 'object' ? 'no number' : String(value)
  throw invalid(`${key(name)} is ${found}, not an id below ${count}`, { key: key(name), value: found, tokens: count })
}
