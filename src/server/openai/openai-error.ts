import { failureOf, type HttpFailure } from '../http-failure.ts'

/** The body of a failed answer, as OpenAI's API words it. */
export interface OpenAiError {
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string | null }
}

/** Puts a failure into the words of OpenAI's API. */
export function openAiError(failure: HttpFailure): OpenAiError {
  const { message, details } = failure
  const { param, openai } = details
  return {
    error: {
      message: `${message.charAt(0).toUpperCase()}${message.slice(1)}${message.endsWith('.') ? '' : '.'}`,
      type: typeOf(failure),
      param: typeof param === 'string' ? param : null,
      code: typeof openai === 'string' ? openai : codeOf(failure),
    },
  }
}

/** {@link openAiError} of anything that was thrown. */
export function openAiErrorOf(error: unknown): OpenAiError {
  return openAiError(failureOf(error))
}

function typeOf({ status }: HttpFailure): string {
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

function codeOf({ code }: HttpFailure): string | null {
  switch (code) {
    case 'CONTEXT_OVERFLOW':
      return 'context_length_exceeded'
    case 'SERVER_BUSY':
      return 'rate_limit_exceeded'
    case 'TEMPLATE_INVALID':
    case 'TEMPLATE_MISSING':
    case 'SERVER_UNAVAILABLE':
      return code.toLowerCase()
    default:
      return null
  }
}
