import { z } from 'zod'
import type { GenerateOptions } from '../../core/index.ts'
import { HenceError } from '../../core/index.ts'
import { checkRequest, unsupported } from './invalid-request.ts'
import { checkSampling, generateOptionsOf, SAMPLING_FIELDS, type SamplingRequest } from './sampling-fields.ts'

/** Most prompts of one request. */
const MAX_PROMPTS = 256
/** What OpenAI's API generates when a request does not say. */
const DEFAULT_MAX_TOKENS = 16

const TOKENS = z.array(z.int().min(0)).min(1)

/** Body of POST /v1/completions. */
export interface CompletionRequest extends SamplingRequest {
  readonly prompt: string | readonly string[] | readonly number[] | readonly (readonly number[])[]
  readonly max_tokens?: number | null | undefined
  readonly echo?: boolean | null | undefined
  readonly logprobs?: number | null | undefined
  readonly suffix?: string | null | undefined
}

/** How a {@link CompletionRequest} is checked. */
export const COMPLETION_REQUEST: z.ZodType<CompletionRequest> = z.strictObject({
  ...SAMPLING_FIELDS,
  prompt: z.union([z.string(), z.array(z.string()).min(1).max(MAX_PROMPTS), TOKENS, z.array(TOKENS).min(1).max(MAX_PROMPTS)]),
  max_tokens: z.int().min(0).nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(20).nullish(),
  suffix: z.string().nullish().describe('Only an empty text.'),
})

/** @throws HenceError `REQUEST_INVALID` */
export function checkCompletionRequest(body: unknown): CompletionRequest {
  const request = checkRequest(COMPLETION_REQUEST, body)
  checkSampling(request, promptsOf(request).length)
  if (request.suffix) throw unsupported('suffix', 'is not offered by this server')
  if (request.max_tokens === 0 && !request.echo)
    throw new HenceError('REQUEST_INVALID', "Invalid 'max_tokens': 0 generates nothing, which needs 'echo'.", { param: 'max_tokens' })
  return request
}

/** The prompts of a request, each a text or token ids. */
export function promptsOf({ prompt }: CompletionRequest): readonly (string | readonly number[])[] {
  if (typeof prompt === 'string') return [prompt]
  return typeof prompt[0] === 'number' ? [prompt as readonly number[]] : (prompt as readonly (string | readonly number[])[])
}

/** How answers are to be made. */
export function completionOptionsOf(request: CompletionRequest, signal: AbortSignal): GenerateOptions {
  const logprobs = request.logprobs ?? undefined
  const shared = generateOptionsOf(request)
  const echoed = request.echo ? logprobs : undefined
  return {
    ...shared,
    maxTokens: request.max_tokens ?? DEFAULT_MAX_TOKENS,
    logprobs,
    promptLogprobs: echoed === undefined ? shared.promptLogprobs : Math.max(echoed, shared.promptLogprobs ?? 0),
    signal,
  }
}
