import type { ChatMessage } from '../../core/index.ts'

/** One request of a load test. */
export interface LoadRequest {
  /** A text, token ids, or a conversation. */
  readonly prompt: string | readonly number[] | readonly ChatMessage[]
  /** Tokens the prompt is meant to have; undefined where nobody knows. */
  readonly promptTokens?: number
  readonly maxTokens: number
  /** Goes on to `maxTokens` when the model says it is done. */
  readonly ignoreEos: boolean
}

/** What a target says it did; undefined where it says nothing. */
export interface LoadUsage {
  readonly promptTokens: number | undefined
  readonly completionTokens: number | undefined
}

/** What is put under load. */
export interface LoadTarget {
  /** How requests get there. */
  readonly backend: 'openai' | 'openai-chat' | 'in-process'
  readonly model: string
  /** Where it is: an address or a path. */
  readonly location: string
  /**
   * Sends a request and waits for the end of its answer.
   *
   * @param onPiece - called for every piece of the answer at the moment it comes
   * @throws HenceError when the answer does not come whole; `ABORTED` after `signal`
   */
  send(request: LoadRequest, onPiece: () => void, signal: AbortSignal): Promise<LoadUsage>
}

/** True for a conversation. */
export function isConversation(prompt: LoadRequest['prompt']): prompt is readonly ChatMessage[] {
  return typeof prompt === 'object' && typeof prompt[0] === 'object'
}
