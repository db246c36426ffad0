import { z } from 'zod'
import type { GenerateOptions } from '../../core/index.ts'
import { unsupported } from './invalid-request.ts'

/** Most answers to one prompt. */
export const MAX_CHOICES = 64
const MAX_STOPS = 4_096
const MAX_STOP_LENGTH = 1_024
const MAX_WORDS = 1_024
const MAX_TOKENS = 1_048_576
/** Every answer keeps its own rules; so much may all answers of a request have. */
const MOST_RULES = 4_194_304
/** A word has to be spelled in tokens. */
const WORD_RULES = 64

/** What requests for text have in common, as OpenAI's API names it; from `top_k` on as vLLM does. */
export interface SamplingRequest {
  readonly model: string
  readonly stream?: boolean | null | undefined
  readonly stream_options?: { readonly include_usage?: boolean | null | undefined } | null | undefined
  readonly n?: number | null | undefined
  readonly temperature?: number | null | undefined
  readonly top_p?: number | null | undefined
  readonly frequency_penalty?: number | null | undefined
  readonly presence_penalty?: number | null | undefined
  readonly logit_bias?: Readonly<Record<string, number>> | null | undefined
  readonly stop?: string | readonly string[] | null | undefined
  readonly seed?: number | null | undefined
  readonly user?: string | null | undefined
  readonly top_k?: number | null | undefined
  readonly min_p?: number | null | undefined
  readonly repetition_penalty?: number | null | undefined
  readonly typical_p?: number | null | undefined
  readonly ignore_eos?: boolean | null | undefined
  readonly min_tokens?: number | null | undefined
  readonly stop_token_ids?: readonly number[] | null | undefined
  readonly include_stop_str_in_output?: boolean | null | undefined
  readonly bad_words?: readonly string[] | null | undefined
  readonly allowed_token_ids?: readonly number[] | null | undefined
  readonly prompt_logprobs?: number | null | undefined
  readonly best_of?: number | null | undefined
  readonly use_beam_search?: boolean | null | undefined
  readonly length_penalty?: number | null | undefined
  readonly priority?: number | null | undefined
  readonly cache_salt?: string | null | undefined
}

/** How the fields of {@link SamplingRequest} are checked; ranges are those of OpenAI's API. */
export const SAMPLING_FIELDS: { readonly [Name in keyof SamplingRequest]-?: z.ZodType<SamplingRequest[Name]> } = {
  model: z.string().describe('A name that GET /v1/models lists.'),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({
      include_usage: z.boolean().nullish(),
      include_obfuscation: z.boolean().nullish(),
    })
    .nullish(),
  n: z.int().min(1).max(MAX_CHOICES).nullish().describe('Answers to each prompt.'),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string(), z.number().min(-100).max(100)).nullish(),
  stop: z.union([z.string().max(MAX_STOP_LENGTH), z.array(z.string().max(MAX_STOP_LENGTH)).max(MAX_STOPS)]).nullish(),
  seed: z.int().nullish(),
  user: z.string().nullish().describe('Taken and not used.'),
  top_k: z.int().min(-1).max(4_194_304).nullish().describe('Only the K likeliest tokens; 0 or -1 for all.'),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().min(0.001).max(1_000).nullish(),
  typical_p: z.number().min(0).max(1).nullish().describe('Only tokens whose information is nearest to the entropy.'),
  ignore_eos: z.boolean().nullish(),
  min_tokens: z.int().min(0).nullish().describe('No end and no stop before so many tokens.'),
  stop_token_ids: z.array(z.int().min(0)).max(MAX_TOKENS).nullish().describe('Tokens that end an answer.'),
  include_stop_str_in_output: z.boolean().nullish().describe('The stop text or token is part of the answer.'),
  bad_words: z.array(z.string().min(1).max(MAX_STOP_LENGTH)).max(MAX_WORDS).nullish().describe('Texts whose tokens are never written.'),
  allowed_token_ids: z.array(z.int().min(0)).min(1).max(MAX_TOKENS).nullish().describe('Nothing but these tokens.'),
  prompt_logprobs: z.int().min(0).max(20).nullish().describe('Logprobs of the tokens of the prompt; not with stream.'),
  best_of: z.int().min(1).max(MAX_CHOICES).nullish().describe('Answers to draw, or beams, of which the best n are told; not with stream.'),
  use_beam_search: z.boolean().nullish().describe('Looks for the likeliest texts with best_of, else n beams; not with stream.'),
  length_penalty: z.number().min(-1_000).max(1_000).nullish().describe('Of a beam search; above 0 favours longer texts.'),
  priority: z
    .int()
    .min(0)
    .max(2 ** 31)
    .nullish()
    .describe('Requests with a lower one are worked on first, those without before all others.'),
  cache_salt: z.string().max(1_024).nullish().describe('Work on a prompt is shared only with prompts of the same salt.'),
}

/** Options of generation as a request asks for them. */
export function generateOptionsOf(request: SamplingRequest): GenerateOptions {
  const { stop } = request
  const stops = (typeof stop === 'string' ? [stop] : (stop ?? [])).filter(text => text !== '')
  const { temperature, typical_p, min_p, top_p } = request
  return {
    temperature: temperature ?? undefined,
    topP: top_p ?? undefined,
    topK: request.top_k === -1 ? 0 : (request.top_k ?? undefined),
    minP: min_p ?? undefined,
    typicalP: typical_p ?? undefined,
    repetitionPenalty: request.repetition_penalty ?? undefined,
    frequencyPenalty: request.frequency_penalty ?? undefined,
    presencePenalty: request.presence_penalty ?? undefined,
    ignoreEos: request.ignore_eos ?? undefined,
    minTokens: request.min_tokens ?? undefined,
    stopTokens: request.stop_token_ids ?? undefined,
    includeStop: request.include_stop_str_in_output ?? undefined,
    badWords: request.bad_words ?? undefined,
    allowedTokens: request.allowed_token_ids ?? undefined,
    promptLogprobs: request.prompt_logprobs ?? undefined,
    // There, lower comes first.
    priority: typeof request.priority === 'number' ? -request.priority : undefined,
    cacheSalt: request.cache_salt ?? undefined,
    logitBias: (request.logit_bias as Readonly<Record<number, number>> | null | undefined) ?? undefined,
    ...(stops.length > 0 ? { stop: stops } : {}),
    ...searchOf(request),
  }
}

/** How the best of several texts are looked for; nothing where every answer stands for itself. */
function searchOf(request: SamplingRequest): GenerateOptions {
  const { use_beam_search, length_penalty } = request
  if (!isSearch(request)) return {}
  const returnSequences = request.n ?? 1
  const width = request.best_of ?? returnSequences
  if (!use_beam_search) return { bestOf: width, returnSequences }
  // The likeliest tokens one after the other.
  if (width === 1) return { temperature: 0 }
  return { beams: width, returnSequences, lengthPenalty: length_penalty ?? undefined }
}

/** True when the answers to a prompt come of one search instead of each of its own. */
export function isSearch({ best_of, n, use_beam_search }: SamplingRequest): boolean {
  return Boolean(use_beam_search) || (best_of ?? 1) > (n ?? 1)
}

/** Sequences that each prompt of a request takes. */
export function sequencesPerPrompt({ best_of, n }: SamplingRequest): number {
  return Math.max(best_of ?? 1, n ?? 1)
}

/** Every answer draws for itself; seeds of OpenAI's API may be negative. */
export function seedOf(seed: number | null | undefined, index: number): number | undefined {
  if (seed === null || seed === undefined) return undefined
  const span = 2 ** 53
  const rest = (seed + index) % span
  // Added to all, the span would round away the last bit of small ones.
  return rest < 0 ? rest + span : rest
}

/** Refuses what is right for itself but not together. @throws HenceError `REQUEST_INVALID` */
export function checkSampling(request: SamplingRequest, prompts: number): void {
  const { stream, stream_options, prompt_logprobs, best_of, n, use_beam_search, length_penalty } = request
  if (stream_options && !stream) throw unsupported('stream_options', "is only allowed when 'stream' is enabled")
  if (typeof best_of === 'number' && best_of < (n ?? 1)) throw unsupported('best_of', "must not be less than 'n'")
  if (stream && typeof prompt_logprobs === 'number') throw unsupported('prompt_logprobs', "is not allowed when 'stream' is enabled")
  if (stream && isSearch(request))
    throw unsupported(use_beam_search ? 'use_beam_search' : 'best_of', "is not allowed when 'stream' is enabled")
  if (typeof length_penalty === 'number' && !use_beam_search) throw unsupported('length_penalty', "needs 'use_beam_search' to be true")
  const { stop, bad_words, allowed_token_ids, stop_token_ids } = request
  const rules = (Array.isArray(stop) ? stop.length : 1) + (allowed_token_ids?.length ?? 0) + (stop_token_ids?.length ?? 0)
  const all = (rules + (bad_words?.length ?? 0) * WORD_RULES) * prompts * sequencesPerPrompt(request)
  if (all > MOST_RULES) throw unsupported(bad_words ? 'bad_words' : 'stop', 'is too long for so many answers; ask for fewer at once')
}
