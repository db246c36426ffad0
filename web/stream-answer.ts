import { postJson } from './api.ts'

/** What was measured of an answer so far. */
export interface AnswerStats {
  readonly tokens: number
  readonly firstTokenMs: number | undefined
  /** Tokens after the first, per second. */
  readonly tokensPerSecond: number | undefined
}

interface Chunk {
  readonly error?: { readonly message: string }
  readonly usage?: { readonly completion_tokens: number } | null
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string }
    readonly text?: string
    readonly finish_reason?: string | null
  }[]
}

/**
 * Asks for a streamed answer and tells of each piece.
 *
 * @returns why the answer ended
 */
export async function streamAnswer(
  path: string,
  body: object,
  signal: AbortSignal,
  onPiece: (text: string, stats: AnswerStats) => void,
): Promise<string> {
  const begun = performance.now()
  const response = await postJson(path, { ...body, stream: true, stream_options: { include_usage: true } }, signal)
  let tokens = 0
  let firstAt: number | undefined
  let finish = 'stop'
  const stats = (): AnswerStats => {
    const elapsed = firstAt === undefined ? 0 : performance.now() - firstAt
    return {
      tokens,
      firstTokenMs: firstAt === undefined ? undefined : firstAt - begun,
      tokensPerSecond: tokens > 1 && elapsed > 0 ? ((tokens - 1) * 1_000) / elapsed : undefined,
    }
  }
  for await (const data of events(response)) {
    if (data === '[DONE]') break
    const { error, usage, choices = [] } = JSON.parse(data) as Chunk
    if (error) throw new TypeError(error.message)
    // The count of the server is right where a piece held several tokens.
    if (usage) tokens = usage.completion_tokens
    const [choice] = choices
    if (choice?.finish_reason) finish = choice.finish_reason
    const text = choice?.delta?.content ?? choice?.text ?? ''
    if (text !== '') {
      tokens++
      firstAt ??= performance.now()
    }
    if (text !== '' || usage) onPiece(text, stats())
  }
  return finish
}

/** The data of server-sent events, each on one line. */
async function* events(response: Response): AsyncGenerator<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let held = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      held += value
      const parts = held.split('\n\n')
      held = parts.pop()!
      for (const part of parts) if (part.startsWith('data: ')) yield part.slice(6)
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}
