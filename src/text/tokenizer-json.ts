import type { AddedToken } from './added-tokens.ts'
import { Bpe, findByteTokens } from './bpe.ts'
import { parseDecoder } from './decoders.ts'
import { endIds } from './end-of-turn.ts'
import { asFlag, asId, asList, asRecord, asString, invalid, MAX_VOCABULARY, unknownKind } from './json-fields.ts'
import { MergeRules } from './merge-rules.ts'
import { parseNormalizer } from './normalizers.ts'
import { Pipeline } from './pipeline.ts'
import { type Frame, parsePostProcessor } from './post-processors.ts'
import { parsePreTokenizer, runStep, type Step, scannerFor } from './pre-tokenizers.ts'
import { type Segmenter, scanningSegmenter, splittingSegmenter, wordsBeginWith, wordwise } from './segmenter.ts'
import { ListIndex, type TextIndex } from './text-index.ts'
import type { SpecialIds, Tokenizer } from './tokenizer.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Builds the part of a tokenizer that depends on the kind of its model. */
type ModelBuilder = (fields: Record<string, unknown>, steps: readonly Step[], vocabulary: Vocabulary) => Segmenter

const MODELS: Readonly<Record<string, ModelBuilder>> = { BPE: bpeSegmenter }

/**
 * The tokenizer of a Hugging Face folder.
 *
 * @param tokenizerJson - parsed tokenizer.json
 * @param tokenizerConfig - parsed tokenizer_config.json, which names the special tokens; may be absent
 * @throws HenceError `TOKENIZER_INVALID` for a malformed file or an unknown kind of component
 */
export function tokenizerFromJson(tokenizerJson: unknown, tokenizerConfig?: unknown): Tokenizer {
  const file = asRecord(tokenizerJson, 'tokenizer.json')
  const config = asRecord(tokenizerConfig ?? {}, 'tokenizer_config.json')
  const model = asRecord(file['model'], 'model')
  // Old files name no type; they all hold merges.
  const kind = asString(model['type'] ?? (model['merges'] === undefined ? '' : 'BPE'), 'model.type')
  const build = Object.hasOwn(MODELS, kind) ? MODELS[kind] : undefined
  if (!build) throw unknownKind('tokenizer model', kind, Object.keys(MODELS))
  const added = asList(file['added_tokens'] ?? [], 'added_tokens').map(parseAdded)
  const vocabulary = parseVocabulary(model['vocab'], added)
  const segmenter = build(model, parsePreTokenizer(file['pre_tokenizer']), vocabulary)
  const special = specialIds(config, model, vocabulary, added)
  return new Pipeline({
    tokens: vocabulary.tokens,
    added,
    normalizer: parseNormalizer(file['normalizer']),
    segmenter,
    frame: frameOf(file['post_processor'], config, special),
    decoding: parseDecoder(file['decoder']),
    verbatim: new Set(added.filter(token => token.special).map(token => token.id)),
    special,
  })
}

function parseAdded(value: unknown): AddedToken {
  const fields = asRecord(value, 'added_tokens')
  return {
    id: asId(fields['id'], 'added_tokens.id'),
    content: asString(fields['content'], 'added_tokens.content'),
    special: asFlag(fields['special'], 'added_tokens.special', false),
    lstrip: asFlag(fields['lstrip'], 'added_tokens.lstrip', false),
    rstrip: asFlag(fields['rstrip'], 'added_tokens.rstrip', false),
    singleWord: asFlag(fields['single_word'], 'added_tokens.single_word', false),
    normalized: asFlag(fields['normalized'], 'added_tokens.normalized', true),
  }
}

function parseVocabulary(value: unknown, added: readonly AddedToken[]): Vocabulary {
  const entries = asRecord(value, 'model.vocab')
  const texts = Object.keys(entries)
  let count = 0
  for (const text of texts) count = Math.max(count, vocabId(entries, text) + 1)
  for (const { id } of added) count = Math.max(count, id + 1)
  const size = texts.length + added.length
  if (count === 0) throw invalid('model.vocab is empty')
  // Ids may have gaps, but a table mostly of gaps is no vocabulary.
  if (count > 16 * size + 1024)
    throw invalid(`ids reach ${count - 1} with only ${size} tokens`, { largest: count - 1, tokens: size, limit: MAX_VOCABULARY })
  const spelled: (string | undefined)[] = Array.from({ length: count }, () => undefined)
  for (const text of texts) spelled[entries[text] as number] = text
  const tokens = spelled.slice()
  for (const { id, content } of added) tokens[id] = content
  return { tokens, ids: new ListIndex(spelled) }
}

function bpeSegmenter(fields: Record<string, unknown>, steps: readonly Step[], vocabulary: Vocabulary): Segmenter {
  const prefix = optionalText(fields['continuing_subword_prefix'], 'model.continuing_subword_prefix')
  const suffix = optionalText(fields['end_of_word_suffix'], 'model.end_of_word_suffix')
  const unknown =
    fields['unk_token'] === undefined || fields['unk_token'] === null ? undefined : vocabularyId(fields['unk_token'], vocabulary)
  const { ranks, separator } = parseMerges(fields['merges'])
  const spellsBytes = steps.at(-1)?.kind === 'bytes'
  const ignoreMerges = asFlag(fields['ignore_merges'], 'model.ignore_merges', false)
  const bpe = new Bpe({
    vocabulary,
    rules: MergeRules.byRank(vocabulary, ranks, separator, prefix?.length ?? 0),
    alphabet: spellsBytes ? 'bytes' : 'characters',
    ignoreMerges,
    fuseUnknown: asFlag(fields['fuse_unk'], 'model.fuse_unk', false),
    ...(asFlag(fields['byte_fallback'], 'model.byte_fallback', false) ? { byteTokens: findByteTokens(vocabulary.ids) } : {}),
    ...(unknown === undefined ? {} : { unknown }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(suffix === undefined ? {} : { suffix }),
  })
  const needsWhole = spellsBytes || ignoreMerges || prefix !== undefined || suffix !== undefined
  const model = !needsWhole && wordsBeginWith('▁', vocabulary.ids) ? wordwise(bpe, '▁') : bpe
  const cuts = spellsBytes ? steps.slice(0, -1) : steps
  const [first] = cuts
  if (cuts.length === 1 && first?.kind === 'isolate') return scanningSegmenter(scannerFor(first.pattern), model)
  return splittingSegmenter(cuts.map(runStep), model)
}

/** Ranks of merges by their two texts; lists of pairs may hold texts with spaces, which need another separator. */
function parseMerges(value: unknown): { ranks: TextIndex; separator: string } {
  const merges = asList(value, 'model.merges')
  const hasPairs = merges.length > 0 && typeof merges[0] !== 'string'
  const joined: string[] = []
  for (let rank = 0; rank < merges.length; rank++) {
    const merge = merges[rank]
    if (hasPairs) {
      const where = `model.merges[${rank}]`
      const pair = asList(merge, where)
      if (pair.length !== 2) throw invalid(`${where} should be a pair, not ${pair.length} texts`, { rank, length: pair.length })
      joined.push(`${asString(pair[0], where)}\0${asString(pair[1], where)}`)
    } else {
      if (typeof merge !== 'string' || merge.indexOf(' ') <= 0)
        throw invalid(`model.merges[${rank}] should be two texts and a space`, { rank })
      joined.push(merge)
    }
  }
  return { ranks: new ListIndex(joined), separator: hasPairs ? '\0' : ' ' }
}

function frameOf(postProcessor: unknown, config: Record<string, unknown>, special: SpecialIds): Frame {
  if (postProcessor !== null && postProcessor !== undefined) return parsePostProcessor(postProcessor)
  const [eos] = special.eos
  return {
    before: config['add_bos_token'] === true && special.bos !== undefined ? [special.bos] : [],
    after: config['add_eos_token'] === true && eos !== undefined ? [eos] : [],
  }
}

function specialIds(
  config: Record<string, unknown>,
  model: Record<string, unknown>,
  vocabulary: Vocabulary,
  added: readonly AddedToken[],
): SpecialIds {
  const addedIds = new Map(added.filter(token => token.special).map(token => [token.content, token.id]))
  const named = (value: unknown): number | undefined => {
    const text = tokenContent(value)
    return text === undefined ? undefined : (addedIds.get(text) ?? vocabulary.ids.get(text))
  }
  const bos = named(config['bos_token'])
  const unknown = named(config['unk_token']) ?? named(model['unk_token'])
  const pad = named(config['pad_token'])
  return {
    eos: endIds(text => addedIds.get(text), [named(config['eos_token'])]),
    ...(bos === undefined ? {} : { bos }),
    ...(unknown === undefined ? {} : { unknown }),
    ...(pad === undefined ? {} : { pad }),
  }
}

/** A special token of tokenizer_config.json: its text, or an object with `content`. */
export function tokenContent(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return undefined
  const { content } = value as { content?: unknown }
  return typeof content === 'string' ? content : undefined
}

function vocabularyId(token: unknown, vocabulary: Vocabulary): number {
  const text = asString(token, 'model.unk_token')
  const id = vocabulary.ids.get(text)
  if (id === undefined) throw invalid(`model.unk_token ${JSON.stringify(text)} is not in model.vocab`, { token: text })
  return id
}

function optionalText(value: unknown, where: string): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : asString(value, where)
}

/** The name of the entry is only spelled out when something is wrong with it. */
function vocabId(entries: Record<string, unknown>, text: string): number {
  const id = entries[text]
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < MAX_VOCABULARY
    ? id
    : asId(id, `model.vocab[${JSON.stringify(text)}]`)
}
