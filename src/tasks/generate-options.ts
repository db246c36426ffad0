import { type GenerateOptions, HenceError } from '../core/index.ts'
import type { LogitBias, Sampling } from '../llm/index.ts'
import { abortSignal, boolean, integer, number, type OptionRule, plainObject } from './check-options.ts'
import { SAMPLING_RANGES } from './sampling-defaults.ts'

const MAX_STOPS = 64
const MAX_STOP_LENGTH = 1_024
const MAX_BIASES = 65_536
const MAX_LOGPROBS = 100

const SAMPLING_NAMES = Object.keys(SAMPLING_RANGES) as (keyof Sampling)[]

/** What options of `generate` may be. */
export const GENERATE_RULES: Readonly<Record<string, OptionRule>> = {
  ...Object.fromEntries(SAMPLING_NAMES.map(name => [name, number(SAMPLING_RANGES[name].min, SAMPLING_RANGES[name].max)])),
  topK: integer(SAMPLING_RANGES.topK.min, SAMPLING_RANGES.topK.max),
  seed: integer(0, Number.MAX_SAFE_INTEGER),
  maxTokens: integer(0, Number.MAX_SAFE_INTEGER),
  stop: value => (isStops(value) ? undefined : `a text or up to ${MAX_STOPS} texts of 1 to ${MAX_STOP_LENGTH} characters`),
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
  return stops.length <= MAX_STOPS && stops.every(stop => typeof stop === 'string' && stop.length > 0 && stop.length <= MAX_STOP_LENGTH)
}

function isBias(value: unknown): boolean {
  if (plainObject(value) !== undefined) return false
  const entries = Object.entries(value as object)
  return entries.length <= MAX_BIASES && entries.every(([token, bias]) => /^\d{1,9}$/.test(token) && Number.isFinite(bias))
}
