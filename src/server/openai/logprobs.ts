import type { LanguageModel, TokenLogprob, TokenLogprobs } from '../../core/index.ts'

/** JSON has no infinity. */
const LEAST_LOGPROB = -9_999

interface ChatLogprob {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[]
}

/** Logprobs of one token as chat answers have them. */
export function chatLogprob(model: LanguageModel, { token, logprob, top }: TokenLogprobs): ChatLogprob & { top_logprobs: ChatLogprob[] } {
  return { ...entryOf(model, { token, logprob }), top_logprobs: top.map(other => entryOf(model, other)) }
}

function entryOf(model: LanguageModel, { token, logprob }: TokenLogprob): ChatLogprob {
  const text = model.tokenText(token)
  return { token: text, logprob: finite(logprob), bytes: bytesOf(text) }
}

interface PromptLogprob {
  readonly logprob: number
  /** Absent where the token is none of those that were asked for. */
  readonly rank?: number
  readonly decoded_token: string
}

/** Logprobs of a prompt's tokens by id, as vLLM tells them: nothing of the first token. */
export function promptLogprobs(
  model: LanguageModel,
  told: readonly TokenLogprobs[] | undefined,
  count: number,
): (Record<string, PromptLogprob> | null)[] | null {
  if (!told) return null
  return [
    null,
    ...told.map(({ token, logprob, top }) => {
      const entries: Record<string, PromptLogprob> = { [token]: { logprob: finite(logprob), decoded_token: model.tokenText(token) } }
      for (const [i, other] of top.entries())
        if (i < count || other.token === token)
          entries[other.token] = { logprob: finite(other.logprob), rank: i + 1, decoded_token: model.tokenText(other.token) }
      return entries
    }),
  ]
}

/** Logprobs as answers to plain prompts have them: columns, with where each token begins in the text. */
export interface CompletionLogprobs {
  readonly tokens: string[]
  readonly token_logprobs: (number | null)[]
  readonly top_logprobs: (Record<string, number> | null)[] | null
  readonly text_offset: number[]
}

/** Collects {@link CompletionLogprobs}. */
export class LogprobColumns {
  readonly #model: LanguageModel
  readonly #topCount: number
  #offset = 0

  constructor(model: LanguageModel, topCount: number) {
    this.#model = model
    this.#topCount = topCount
  }

  /** The columns of further tokens; `known` is undefined for the first token of a prompt, of which nothing is known. */
  next(tokens: readonly { readonly token: number; readonly known: TokenLogprobs | undefined }[]): CompletionLogprobs {
    const columns: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: this.#topCount > 0 ? [] : null, text_offset: [] }
    for (const { token, known } of tokens) {
      const text = this.#model.tokenText(token)
      columns.tokens.push(text)
      columns.token_logprobs.push(known ? finite(known.logprob) : null)
      columns.top_logprobs?.push(
        known
          ? Object.fromEntries(known.top.slice(0, this.#topCount).map(other => [this.#model.tokenText(other.token), finite(other.logprob)]))
          : null,
      )
      columns.text_offset.push(this.#offset)
      this.#offset += text.length
    }
    return columns
  }
}

function finite(logprob: number): number {
  return Math.max(logprob, LEAST_LOGPROB)
}

/** UTF-8 of a token; pieces of characters stand as `<0xE2>` in its text. */
function bytesOf(text: string): number[] {
  return text
    .split(/(<0x[0-9A-F]{2}>)/)
    .flatMap(part => (/^<0x[0-9A-F]{2}>$/.test(part) ? [Number.parseInt(part.slice(3, 5), 16)] : [...Buffer.from(part)]))
}
