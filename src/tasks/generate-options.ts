import { type GenerateOptions, HenceError } from '../core/index.ts'
import { type LogitBias, type LogitsRule, noEndBefore, noRepeatedRuns, noWords, onlyTokens, type Sampling } from '../llm/index.ts'
import type { Tokenizer } from '../text/index.ts'
import { abortSignal, boolean, integer, number, type OptionRule, oneOf, plainObject } from './check-options.ts'
import { SAMPLING_RANGES } from './sampling-defaults.ts'

const MAX_STOPS = 65_536
const MAX_STOP_LENGTH = 1_024
/** Characters of all stop texts together. */
const MAX_STOP_TOTAL = 262_144
const MAX_WORDS = 65_536
const MAX_WORD_LENGTH = 1_024
/** Most tokens of a list of them. */
const MAX_TOKENS = 4_194_304
const MAX_ANSWERS = 64
const MOST_PRIORITY = 2 ** 31
const MOST_DEADLINE_MS = 2 ** 31 - 1
const MAX_SALT_LENGTH = 1_024
const MAX_BIASES = 65_536
const MAX_LOGPROBS = 100

const SAMPLING_NAMES = Object.keys(SAMPLING_RANGES) as (keyof Sampling)[]

/** What options of `generate` may be. */
export const GENERATE_RULES: Readonly<Record<string, OptionRule>> = {
  ...Object.fromEntries(SAMPLING_NAMES.map(name => [name, number(SAMPLING_RANGES[name].min, SAMPLING_RANGES[name].max)])),
  topK: integer(SAMPLING_RANGES.topK.min, SAMPLING_RANGES.topK.max),
  seed: integer(0, Number.MAX_SAFE_INTEGER),
  maxTokens: integer(0, Number.MAX_SAFE_INTEGER),
  stop: value =>
    isStops(value)
      ? undefined
      : `a text or up to ${MAX_STOPS} texts of 1 to ${MAX_STOP_LENGTH} characters, with at most ${MAX_STOP_TOTAL} characters together`,
  stopTokens: tokenList(MAX_TOKENS),
  includeStop: boolean,
  minTokens: integer(0, Number.MAX_SAFE_INTEGER),
  noRepeatNgrams: integer(0, 1_024),
  badWords: value =>
    isWords(value) ? undefined : `an array of up to ${MAX_WORDS} texts or token runs, each up to ${MAX_WORD_LENGTH} long`,
  allowedTokens: value => tokenList(MAX_TOKENS)(value) ?? ((value as []).length > 0 ? undefined : 'an array with at least one token id'),
  beams: integer(1, MAX_ANSWERS),
  bestOf: integer(1, MAX_ANSWERS),
  lengthPenalty: number(-1_000, 1_000),
  earlyStopping: value => (typeof value === 'boolean' ? undefined : oneOf('never')(value) && 'true, false or "never"'),
  returnSequences: integer(1, MAX_ANSWERS),
  priority: integer(-MOST_PRIORITY, MOST_PRIORITY),
  deadlineMs: number(Number.MIN_VALUE, MOST_DEADLINE_MS),
  cacheSalt: value =>
    typeof value === 'string' && value.length <= MAX_SALT_LENGTH ? undefined : `a text of up to ${MAX_SALT_LENGTH} characters`,
  ignoreEos: boolean,
  logitBias: value => (isBias(value) ? undefined : `an object of up to ${MAX_BIASES} token ids with finite numbers`),
  logprobs: integer(0, MAX_LOGPROBS),
  promptLogprobs: integer(0, MAX_LOGPROBS),
  signal: abortSignal,
}

/** How tokens are drawn: as the caller says, else as the model's files say. */
export function samplingOf(own: Sampling, options: GenerateOptions): Sampling {
  const given = SAMPLING_NAMES.filter(name => options[name] !== undefined).map(name => [name, options[name]])
  return { ...own, ...Object.fromEntries(given) }
}

/** @throws HenceError `OPTION_INVALID` for tokens outside the vocabulary */
export function logitBiasOf(given: GenerateOptions['logitBias'], vocabulary: number): LogitBias {
  const biases = Object.entries(given ?? {}).map(([token, bias]) => [Number(token), bias] as const)
  checkVocabulary(
    biases.map(([token]) => token),
    vocabulary,
  )
  return new Map(biases)
}

/** Token ids that a caller gives. @throws HenceError `OPTION_INVALID` */
export function checkTokens(tokens: readonly number[], vocabulary: number): readonly number[] {
  if (!Array.isArray(tokens)) throw new HenceError('OPTION_INVALID', 'the prompt must be a text or an array of token ids')
  if (tokens.length === 0) throw new HenceError('OPTION_INVALID', 'there must be at least one token id')
  checkVocabulary(tokens, vocabulary)
  return tokens
}

/** @throws HenceError `OPTION_INVALID` for tokens outside the vocabulary */
export function stopTokensOf(given: GenerateOptions['stopTokens'], vocabulary: number): ReadonlySet<number> {
  checkVocabulary(given ?? [], vocabulary)
  return new Set(given)
}

/** {@link logitBiasOf} for a search. */
export function biasRule(bias: LogitBias): LogitsRule {
  return scores => {
    for (const [token, amount] of bias) scores[token]! += amount
  }
}

/** What rules of tokens are made for. */
export interface RuleContext {
  readonly vocabulary: number
  readonly tokenizer: Tokenizer | undefined
  /** Tokens before the first of the answer. */
  readonly promptTokens: number
  /** All tokens that end the answer. */
  readonly endTokens: ReadonlySet<number>
}

/**
 * The options that forbid tokens, as rules.
 *
 * @throws HenceError `OPTION_INVALID` for tokens outside the vocabulary and options that together leave no token;
 * `TOKENIZER_MISSING` for words that are texts
 */
export function tokenRulesOf(options: GenerateOptions, { vocabulary, tokenizer, promptTokens, endTokens }: RuleContext): LogitsRule[] {
  const { badWords = [], allowedTokens, minTokens = 0, noRepeatNgrams = 0 } = options
  if (allowedTokens) checkVocabulary(allowedTokens, vocabulary)
  const words = badWords.flatMap(word => (typeof word === 'string' ? spellings(word, tokenizer) : [word]))
  for (const word of words) checkVocabulary(word, vocabulary)
  checkSomeLeft(allowedTokens, words, minTokens > 0 ? endTokens : new Set())
  const rules: (LogitsRule | false)[] = [
    noRepeatNgrams > 0 && noRepeatedRuns(noRepeatNgrams),
    words.length > 0 && noWords(words),
    minTokens > 0 && endTokens.size > 0 && noEndBefore(promptTokens + minTokens, endTokens),
    allowedTokens !== undefined && onlyTokens(allowedTokens),
  ]
  return rules.filter(rule => rule !== false)
}

/** A text as tokens, within a word and at the beginning of one. */
function spellings(word: string, tokenizer: Tokenizer | undefined): number[][] {
  if (!tokenizer) throw new HenceError('TOKENIZER_MISSING', 'badWords: the model has no tokenizer; runs of token ids still work')
  const found = [word, ` ${word.trimStart()}`].map(text => tokenizer.encode(text, { addSpecial: false, parseSpecial: true }))
  return found.filter(tokens => tokens.length > 0)
}

function checkSomeLeft(allowed: readonly number[] | undefined, words: readonly (readonly number[])[], ends: ReadonlySet<number>): void {
  if (!allowed) return
  const forbidden = new Set(words.flatMap(word => (word.length === 1 ? word : [])))
  if (allowed.some(token => !forbidden.has(token) && !ends.has(token))) return
  throw new HenceError('OPTION_INVALID', 'allowedTokens: badWords and minTokens forbid all of them', { allowed: allowed.length })
}

/** @throws HenceError `OPTION_INVALID` for options that contradict each other */
export function checkTogether({ minTokens = 0, maxTokens, beams = 1, bestOf, returnSequences = 1 }: GenerateOptions): void {
  if (maxTokens !== undefined && minTokens > maxTokens)
    throw contradiction(`minTokens ${minTokens} is more than maxTokens ${maxTokens}`, { minTokens, maxTokens })
  if (beams > 1 && bestOf !== undefined)
    throw contradiction('beams and bestOf are two ways to look for a text; choose one', { beams, bestOf })
  if (bestOf !== undefined && returnSequences > bestOf)
    throw contradiction(`returnSequences ${returnSequences} is more than bestOf ${bestOf}`, { returnSequences, bestOf })
}

function contradiction(message: string, details: Readonly<Record<string, unknown>>): HenceError {
  return new HenceError('OPTION_INVALID', `generate: ${message}`, details)
}

function checkVocabulary(tokens: readonly number[], vocabulary: number): void {
  for (const [index, token] of tokens.entries())
    if (!Number.isInteger(token) || token < 0 || token >= vocabulary)
      throw new HenceError('OPTION_INVALID', `token ${token} at index ${index} is outside the vocabulary of ${vocabulary}`, {
        token,
        index,
        vocabulary,
      })
}

/** Room for logits `[tokens, vocabulary]`. @throws HenceError `OUT_OF_MEMORY` */
export function allocateLogits(tokens: number, vocabulary: number): Float32Array<ArrayBuffer> {
  try {
    return new Float32Array(tokens * vocabulary)
  } catch (cause) {
    throw new HenceError('OUT_OF_MEMORY', `no memory for logits of ${tokens} tokens × ${vocabulary}`, { tokens, vocabulary, cause })
  }
}

function isStops(value: unknown): boolean {
  const stops: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (stops.length > MAX_STOPS) return false
  let total = 0
  for (const stop of stops) {
    if (typeof stop !== 'string' || stop.length === 0 || stop.length > MAX_STOP_LENGTH) return false
    total += stop.length
  }
  return total <= MAX_STOP_TOTAL
}

function isToken(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0
}

function tokenList(most: number): OptionRule {
  return value => (Array.isArray(value) && value.length <= most && value.every(isToken) ? undefined : `an array of up to ${most} token ids`)
}

function isWords(value: unknown): boolean {
  if (!Array.isArray(value) || value.length > MAX_WORDS) return false
  return value.every(word => {
    const isWord = typeof word === 'string' || (Array.isArray(word) && word.every(isToken))
    return isWord && word.length > 0 && word.length <= MAX_WORD_LENGTH
  })
}

function isBias(value: unknown): boolean {
  if (plainObject(value) !== undefined) return false
  const entries = Object.entries(value as object)
  return entries.length <= MAX_BIASES && entries.every(([token, bias]) => /^\d{1,9}$/.test(token) && Number.isFinite(bias))
}
