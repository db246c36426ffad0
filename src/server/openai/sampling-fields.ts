import { z } from 'zod'
import type { GenerateOptions } from '../../core/index.ts'
import { unsupported } from './invalid-request.ts'

/** Most answers to one prompt. */
export const MAX_CHOICES = 64
const MAX_STOPS = 4
const MAX_STOP_LENGTH = 1_024

/** What requests for text have in common, as OpenAI's API names it; the last four are named as other servers name them. */
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
  readonly ignore_eos?: boolean | null | undefined
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
  ignore_eos: z.boolean().nullish(),
}

/** Options of generation as a request asks for them, for its answer number `index`. */
export function generateOptionsOf(request: SamplingRequest, index: number): GenerateOptions {
  const { stop } = request
  const stops = (typeof stop === 'string' ? [stop] : (stop ?? [])).filter(text => text !== '')
  return {
    temperature: request.temperature ?? undefined,
    topP: request.top_p ?? undefined,
    topK: request.top_k === -1 ? 0 : (request.top_k ?? undefined),
    minP: request.min_p ?? undefined,
    repetitionPenalty: request.repetition_penalty ?? undefined,
    frequencyPenalty: request.frequency_penalty ?? undefined,
    presencePenalty: request.presence_penalty ?? undefined,
    ignoreEos: request.ignore_eos ?? undefined,
    logitBias: (request.logit_bias as Readonly<Record<number, number>> | null | undefined) ?? undefined,
    seed: seedOf(request.seed, index),
    ...(stops.length > 0 ? { stop: stops } : {}),
  }
}

/** Every answer draws for itself; seeds of OpenAI's API may be negative. */
function seedOf(seed: number | null | undefined, index: number): number | undefined {
  if (seed === null || seed === undefined) return undefined
  const span = 2 ** 53
  return (((seed + index) % span) + span) % span
}

/** Refuses stream options without a stream, as OpenAI's API does. */
export function checkStreamOptions({ stream, stream_options }: SamplingRequest): void {
  if (stream_options && !stream) throw unsupported('stream_options', "is only allowed when 'stream' is enabled")
}
