import { z } from 'zod'
import type { ChatMessage, ChatOptions } from '../../core/index.ts'
import { isShallow } from '../json-body.ts'
import { checkRequest, unsupported } from './invalid-request.ts'
import { checkSampling, generateOptionsOf, SAMPLING_FIELDS, type SamplingRequest } from './sampling-fields.ts'

const MAX_MESSAGES = 10_000
const MAX_PARTS = 10_000
/** What a template walks through must not be deep. */
const freeForm = z.custom<unknown>(value => isShallow(value), 'it is nested too deeply')

const TEXT_PART = z.strictObject({ type: z.literal('text'), text: z.string() })

const MESSAGE = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(TEXT_PART).max(MAX_PARTS), z.null()]).optional(),
  name: z.string().nullish(),
  tool_calls: z.array(freeForm).max(MAX_PARTS).nullish(),
  tool_call_id: z.string().nullish(),
  refusal: z.string().nullish(),
  reasoning_content: z.string().nullish(),
})

/** Body of POST /v1/chat/completions. */
export interface ChatRequest extends SamplingRequest {
  readonly messages: readonly {
    readonly role: string
    readonly content?: string | readonly { readonly text: string }[] | null | undefined
  }[]
  readonly max_completion_tokens?: number | null | undefined
  readonly max_tokens?: number | null | undefined
  readonly logprobs?: boolean | null | undefined
  readonly top_logprobs?: number | null | undefined
  readonly response_format?: { readonly type: string } | null | undefined
  readonly modalities?: readonly string[] | null | undefined
  readonly tools?: readonly unknown[] | null | undefined
  readonly tool_choice?: unknown
  readonly chat_template_kwargs?: Readonly<Record<string, unknown>> | null | undefined
}

/** How a {@link ChatRequest} is checked. */
export const CHAT_REQUEST: z.ZodType<ChatRequest> = z.strictObject({
  ...SAMPLING_FIELDS,
  messages: z.array(MESSAGE).min(1).max(MAX_MESSAGES),
  max_completion_tokens: z.int().min(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish().describe("Only { type: 'text' }."),
  modalities: z.array(z.string()).nullish().describe("Only ['text']."),
  tools: z.array(z.unknown()).nullish().describe('Only an empty list.'),
  tool_choice: z.unknown().optional().describe("Only 'none' or 'auto'."),
  chat_template_kwargs: z.record(z.string(), freeForm).nullish().describe('Further variables of the chat template.'),
  // Taken and not used.
  metadata: z.record(z.string(), z.string()).nullish(),
  store: z.boolean().nullish(),
  service_tier: z.string().nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  safety_identifier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
})

/** @throws HenceError `REQUEST_INVALID` */
export function checkChatRequest(body: unknown): ChatRequest {
  const request = checkRequest(CHAT_REQUEST, body)
  checkSampling(request, 1)
  const { response_format: format, tool_choice: choice } = request
  if (format && format.type !== 'text')
    throw unsupported('response_format', `of type '${format.type.slice(0, 40)}' is not offered by this server`)
  if (request.tools && request.tools.length > 0) throw unsupported('tools', 'is not offered by this server')
  if (choice !== undefined && choice !== null && choice !== 'none' && choice !== 'auto')
    throw unsupported('tool_choice', "must be 'none' or 'auto' without tools")
  if (request.modalities?.some(modality => modality !== 'text'))
    throw unsupported('modalities', 'other than text are not offered by this server')
  if (request.top_logprobs && !request.logprobs) throw unsupported('top_logprobs', "needs 'logprobs' to be true")
  return request
}

/** The conversation as templates want it: text as one string, and roles that they know. */
export function messagesOf({ messages }: ChatRequest): ChatMessage[] {
  return messages.map(message => {
    const given = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null && value !== undefined))
    const { role, content } = message
    return {
      ...given,
      role: role === 'developer' ? 'system' : role,
      content: typeof content === 'string' ? content : (content ?? []).map(part => part.text).join('\n'),
    }
  })
}

/** How answers are to be made. */
export function chatOptionsOf(request: ChatRequest, signal: AbortSignal): ChatOptions {
  return {
    ...generateOptionsOf(request),
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? undefined,
    logprobs: request.logprobs ? (request.top_logprobs ?? 0) : undefined,
    templateVariables: request.chat_template_kwargs ?? undefined,
    signal,
  }
}
