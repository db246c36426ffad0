import { Bpe, findByteTokens } from './bpe.ts'
import { asCount, asFlag, asList, asString, invalid, unknownKind } from './json-fields.ts'
import { MergeRules } from './merge-rules.ts'
import type { Step } from './pre-tokenizers.ts'
import { type Segmenter, segmenter, wordsBeginWith, wordwise } from './segmenter.ts'
import { ListIndex, type TextIndex } from './text-index.ts'
import { Unigram } from './unigram.ts'
import type { Vocabulary } from './vocabulary.ts'
import { WordLevel } from './word-level.ts'
import { WordPiece } from './word-piece.ts'

/** Builds the part of a tokenizer that depends on the kind of its model. */
export type ModelBuilder = (fields: Record<string, unknown>, steps: readonly Step[], vocabulary: Vocabulary) => Segmenter

/** What SentencePiece takes off the lowest score for an unknown character. */
export const UNKNOWN_PENALTY = 10
/** Largest length of words that a WordPiece model may ask for. */
const MAX_WORD_LENGTH = 1 << 20

const MODELS: Readonly<Record<string, ModelBuilder>> = {
  BPE: bpeSegmenter,
  Unigram: unigramSegmenter,
  WordPiece: (fields, steps, vocabulary) =>
    segmenter(
      steps,
      new WordPiece({
        vocabulary,
        startPrefix: '',
        continuingPrefix: asString(fields['continuing_subword_prefix'] ?? '##', 'model.continuing_subword_prefix'),
        unknown: vocabulary.ids.get(asString(fields['unk_token'] ?? '[UNK]', 'model.unk_token')),
        maxWordLength: asCount(fields['max_input_chars_per_word'] ?? 100, 'model.max_input_chars_per_word', MAX_WORD_LENGTH),
      }),
    ),
  WordLevel: (fields, steps, vocabulary) =>
    segmenter(steps, new WordLevel(vocabulary.ids, vocabulary.ids.get(asString(fields['unk_token'] ?? '<unk>', 'model.unk_token')))),
}

/** The builder for the `model` of tokenizer.json. Old files name no type; what they hold tells. */
export function modelBuilder(model: Record<string, unknown>): ModelBuilder {
  const guess = model['merges'] !== undefined ? 'BPE' : Array.isArray(model['vocab']) ? 'Unigram' : undefined
  const old = guess ?? (model['continuing_subword_prefix'] !== undefined ? 'WordPiece' : '')
  const kind = asString(model['type'] ?? old, 'model.type')
  const build = Object.hasOwn(MODELS, kind) ? MODELS[kind] : undefined
  if (!build) throw unknownKind('tokenizer model', kind, Object.keys(MODELS))
  return build
}

function unigramSegmenter(fields: Record<string, unknown>, steps: readonly Step[], vocabulary: Vocabulary): Segmenter {
  const entries = asList(fields['vocab'], 'model.vocab')
  const scores = Float64Array.from(entries, (entry, id) => {
    const score = asList(entry, `model.vocab[${id}]`)[1]
    if (typeof score !== 'number') throw invalid(`model.vocab[${id}] should be a text and a score`, { id })
    return score
  })
  const unknown = fields['unk_id'] ?? undefined
  if (unknown !== undefined && (typeof unknown !== 'number' || !Number.isInteger(unknown) || unknown < 0 || unknown >= scores.length))
    throw invalid(`model.unk_id is ${String(unknown)}, not an id below ${scores.length}`, { id: String(unknown), tokens: scores.length })
  const model = new Unigram({
    tokens: vocabulary.tokens,
    scores,
    includes: id => id < scores.length && vocabulary.ids.get(asString(asList(entries[id], 'model.vocab')[0], 'model.vocab')) === id,
    unknown: unknown as number | undefined,
    unknownScore: scores.reduce((lowest, score) => Math.min(lowest, score), Infinity) - UNKNOWN_PENALTY,
    ...(asFlag(fields['byte_fallback'], 'model.byte_fallback', false) ? { byteTokens: findByteTokens(vocabulary.ids) } : {}),
  })
  return segmenter(steps, model)
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
  return segmenter(cuts, model)
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

function vocabularyId(token: unknown, vocabulary: Vocabulary): number {
  const text = asString(token, 'model.unk_token')
  const id = vocabulary.ids.get(text)
  if (id === undefined) throw invalid(`model.unk_token ${JSON.stringify(text)} is not in model.vocab`, { token: text })
  return id
}

function optionalText(value: unknown, where: string): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : asString(value, where)
}
