import { ConfigFields } from '../config-fields.ts'
import { forcedToken, type LogitsRule, noEndBefore, noRepeatedRuns, noTokens, noWords, repetitionPenalty } from '../logits-rules.ts'

/** How targets are written unless the caller says otherwise: what `generation_config.json` says. */
export interface GenerationSettings {
  /** What the decoder begins with. */
  readonly start: number
  readonly endTokens: ReadonlySet<number>
  /** Tokens a target has at most, its beginning among them; null where nothing is said. */
  readonly mostTokens: number | null
  /** New tokens at most; counts before {@link mostTokens}. */
  readonly maxNewTokens: number | null
  /** No end before so many tokens, those of the beginning among them. */
  readonly leastTokens: number
  readonly leastNewTokens: number
  readonly beams: number
  readonly lengthPenalty: number
  readonly earlyStopping: boolean | 'never'
  /** No run of so many tokens comes twice; 0 for any. */
  readonly noRepeatedRuns: number
  readonly repetitionPenalty: number
  readonly noWords: readonly (readonly number[])[]
  /** The first token after a beginning of one. */
  readonly forcedFirst: number | null
  /** The last token of a target that reaches its most. */
  readonly forcedLast: number | null
  readonly suppressed: readonly number[]
  /** Only at the first place after the beginning. */
  readonly suppressedFirst: readonly number[]
  /** Tokens that follow the start, by their place; older files name language and task so. */
  readonly forcedStart: readonly (readonly [place: number, token: number])[]
}

const COUNT = { min: 0, max: 134_217_728 }
const MAX_LIST = 65_536
const MAX_WORD = 1_024

/**
 * Reads the settings. Older folders have them in `config.json` alone, where `generation_config.json` is missing.
 *
 * @param generation - `generation_config.json`, if there is one
 * @throws HenceError `CONFIG_INVALID`, also for tokens outside the vocabulary
 */
export function readGenerationSettings(
  config: Readonly<Record<string, unknown>>,
  generation: Readonly<Record<string, unknown>> | undefined,
  vocabulary: number,
  origin: string,
): GenerationSettings {
  const fields = ConfigFields.ofObject(origin, { ...config, ...generation })
  const said = generation ? ConfigFields.ofObject(origin, generation) : fields
  const isToken = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) < vocabulary
  const token = (name: string, from = said): number | null => {
    const value = from.raw(name)
    if (value === undefined) return null
    if (!isToken(value)) throw from.invalid(`${name} is no token of the vocabulary of ${vocabulary}`)
    return value
  }
  const tokens = (name: string, from = said): readonly number[] => {
    const value = from.raw(name) ?? []
    if (!Array.isArray(value) || value.length > MAX_LIST) throw from.invalid(`${name} must be a list of up to ${MAX_LIST} tokens`)
    // Published files suppress −1 and mean nothing by it.
    return value.filter(isToken)
  }
  const start = token('decoder_start_token_id', fields) ?? token('bos_token_id', fields) ?? token('pad_token_id', fields)
  if (start === null) throw fields.invalid('decoder_start_token_id is missing')
  const end = fields.raw('eos_token_id')
  const early = said.raw('early_stopping') ?? false
  if (typeof early !== 'boolean' && early !== 'never') throw said.invalid('early_stopping must be true, false or "never"')
  const count = (name: string): number | null => (said.has(name) ? said.integer(name, COUNT) : null)
  return {
    start,
    endTokens: new Set((Array.isArray(end) ? end : [end]).filter(isToken)),
    mostTokens: count('max_length'),
    maxNewTokens: count('max_new_tokens'),
    leastTokens: count('min_length') ?? 0,
    leastNewTokens: count('min_new_tokens') ?? 0,
    beams: said.integer('num_beams', { min: 1, max: 1_024 }, 1),
    lengthPenalty: said.number('length_penalty', { min: -1_000, max: 1_000 }, 1),
    earlyStopping: early,
    noRepeatedRuns: said.integer('no_repeat_ngram_size', { min: 0, max: 1_024 }, 0),
    repetitionPenalty: said.number('repetition_penalty', { min: 1e-3, max: 1_000 }, 1),
    noWords: readWords(said, isToken),
    forcedFirst: token('forced_bos_token_id'),
    forcedLast: token('forced_eos_token_id'),
    suppressed: tokens('suppress_tokens'),
    suppressedFirst: tokens('begin_suppress_tokens'),
    forcedStart: readForcedStart(said, isToken),
  }
}

function readWords(fields: ConfigFields, isToken: (value: unknown) => boolean): readonly (readonly number[])[] {
  const words = fields.raw('bad_words_ids') ?? []
  const isWord = (word: unknown): boolean => Array.isArray(word) && word.length > 0 && word.length <= MAX_WORD && word.every(isToken)
  if (!Array.isArray(words) || words.length > MAX_LIST || !words.every(isWord))
    throw fields.invalid('bad_words_ids must be lists of tokens of the vocabulary')
  return words as readonly (readonly number[])[]
}

function readForcedStart(fields: ConfigFields, isToken: (value: unknown) => boolean): GenerationSettings['forcedStart'] {
  const pairs = fields.raw('forced_decoder_ids') ?? []
  if (!Array.isArray(pairs) || pairs.length > MAX_WORD) throw fields.invalid('forced_decoder_ids must be a list of pairs')
  // A pair whose token is null leaves the place open: the model finds the language out.
  return pairs
    .filter(pair => Array.isArray(pair) && Number.isInteger(pair[0]) && pair[0] >= 1 && pair[0] <= MAX_WORD && isToken(pair[1]))
    .map(pair => [pair[0], pair[1]] as const)
}

/** What a target begins with: the start, and the tokens older files force directly behind it. */
export function prefixOf({ start, forcedStart }: GenerationSettings): readonly number[] {
  const prefix = [start]
  for (const [place, token] of [...forcedStart].sort((a, b) => a[0] - b[0])) if (place === prefix.length) prefix.push(token)
  return prefix
}

/** Tokens a target has at most, its beginning among them, in a context. */
export function mostTokensOf({ maxNewTokens, mostTokens }: GenerationSettings, prefix: number, context: number): number {
  return Math.min(context, maxNewTokens !== null ? prefix + maxNewTokens : (mostTokens ?? context))
}

/**
 * The settings as rules, in the order in which transformers applies them.
 *
 * @param prefix - tokens the target begins with
 * @param mostTokens - tokens it has at most, these among them
 * @param isSampled - the penalty of repetitions is the sampler's
 */
export function rulesOf(settings: GenerationSettings, prefix: number, mostTokens: number, isSampled: boolean): LogitsRule[] {
  const { endTokens, forcedFirst, forcedLast, suppressed, suppressedFirst } = settings
  const least = Math.max(settings.leastTokens, settings.leastNewTokens > 0 ? prefix + settings.leastNewTokens : 0)
  const isForced = forcedFirst !== null && prefix === 1
  const rules: (LogitsRule | false)[] = [
    !isSampled && settings.repetitionPenalty !== 1 && repetitionPenalty(settings.repetitionPenalty),
    settings.noRepeatedRuns > 0 && noRepeatedRuns(settings.noRepeatedRuns),
    settings.noWords.length > 0 && noWords(settings.noWords.filter(word => word.length > 1 || !endTokens.has(word[0]!))),
    least > 0 && noEndBefore(least, endTokens),
    isForced && forcedToken(1, forcedFirst),
    forcedLast !== null && forcedToken(mostTokens - 1, forcedLast),
    suppressed.length > 0 && noTokens(suppressed),
    suppressedFirst.length > 0 && noTokens(suppressedFirst, isForced ? prefix + 1 : prefix),
  ]
  return rules.filter(rule => rule !== false)
}
