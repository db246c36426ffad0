import type { AddedToken } from './added-tokens.ts'
import { parseDecoder } from './decoders.ts'
import { endIds } from './end-of-turn.ts'
import { asFlag, asId, asList, asRecord, asString, invalid, MAX_VOCABULARY } from './json-fields.ts'
import { modelBuilder } from './json-models.ts'
import { parseNormalizer } from './normalizers.ts'
import { parsePadding } from './padding.ts'
import { Pipeline } from './pipeline.ts'
import { framingProcessor, type PostProcessor, parsePostProcessor } from './post-processors.ts'
import { parsePreTokenizer } from './pre-tokenizers.ts'
import { ListIndex } from './text-index.ts'
import type { SpecialIds, Tokenizer } from './tokenizer.ts'
import { parseTruncation, type Truncation } from './truncation.ts'
import type { Vocabulary } from './vocabulary.ts'

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
  const build = modelBuilder(model)
  const added = asList(file['added_tokens'] ?? [], 'added_tokens').map(parseAdded)
  const vocabulary = Array.isArray(model['vocab']) ? scoredVocabulary(model['vocab'], added) : parseVocabulary(model['vocab'], added)
  const segmenter = build(model, parsePreTokenizer(file['pre_tokenizer']), vocabulary)
  const special = specialIds(config, model, vocabulary, added)
  return new Pipeline({
    tokens: vocabulary.tokens,
    added,
    normalizer: parseNormalizer(file['normalizer']),
    segmenter,
    processor: processorOf(file['post_processor'], config, special),
    decoding: parseDecoder(file['decoder']),
    verbatim: new Set(),
    special,
    truncation: parseTruncation(file['truncation']) ?? modelLength(config),
    padding: parsePadding(file['padding']),
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

/** The vocabulary of a unigram model: a list of texts and scores, where the place of an entry is its id. */
function scoredVocabulary(entries: readonly unknown[], added: readonly AddedToken[]): Vocabulary {
  const texts = entries.map((entry, id) => asString(asList(entry, `model.vocab[${id}]`)[0], `model.vocab[${id}][0]`))
  const count = checkedCount(
    added.reduce((largest, { id }) => Math.max(largest, id + 1), texts.length),
    texts.length + added.length,
  )
  const spelled: (string | undefined)[] = Array.from({ length: count }, (_, id) => texts[id])
  const tokens = spelled.slice()
  for (const { id, content } of added) tokens[id] = content
  // Of equal texts the last counts.
  const lasts = new Map(texts.map((text, id) => [text, id]))
  return { tokens, ids: new ListIndex(spelled, id => lasts.get(spelled[id]!) === id) }
}

function parseVocabulary(value: unknown, added: readonly AddedToken[]): Vocabulary {
  const entries = asRecord(value, 'model.vocab')
  const texts = Object.keys(entries)
  let count = 0
  for (const text of texts) count = Math.max(count, vocabId(entries, text) + 1)
  for (const { id } of added) count = Math.max(count, id + 1)
  const size = texts.length + added.length
  checkedCount(count, size)
  const spelled: (string | undefined)[] = Array.from({ length: count }, () => undefined)
  for (const text of texts) spelled[entries[text] as number] = text
  const tokens = spelled.slice()
  for (const { id, content } of added) tokens[id] = content
  return { tokens, ids: new ListIndex(spelled) }
}

function processorOf(postProcessor: unknown, config: Record<string, unknown>, special: SpecialIds): PostProcessor {
  if (postProcessor !== null && postProcessor !== undefined) return parsePostProcessor(postProcessor)
  const [eos] = special.eos
  return framingProcessor({
    before: config['add_bos_token'] === true && special.bos !== undefined ? [special.bos] : [],
    after: config['add_eos_token'] === true && eos !== undefined ? [eos] : [],
  })
}

/** The length that tokenizer_config.json gives; writers without one put a huge number there. */
function modelLength(config: Record<string, unknown>): Truncation | undefined {
  const length = config['model_max_length']
  return typeof length === 'number' && Number.isInteger(length) && length > 0 && length < 1e9 ? { maxLength: length } : undefined
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

/** Ids may have gaps, but a table mostly of gaps is no vocabulary. */
function checkedCount(count: number, size: number): number {
  if (count === 0) throw invalid('model.vocab is empty')
  if (count > 16 * size + 1024 || count > MAX_VOCABULARY)
    throw invalid(`ids reach ${count - 1} with only ${size} tokens`, { largest: count - 1, tokens: size, limit: MAX_VOCABULARY })
  return count
}

/** The name of the entry is only spelled out when something is wrong with it. */
function vocabId(entries: Record<string, unknown>, text: string): number {
  const id = entries[text]
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < MAX_VOCABULARY
    ? id
    : asId(id, `model.vocab[${JSON.stringify(text)}]`)
}
