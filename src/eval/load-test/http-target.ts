import { HenceError } from '../../core/index.ts'
import { connectionFailure, messageIn, statusFailure } from './http-failure.ts'
import { isConversation, type LoadRequest, type LoadTarget, type LoadUsage } from './load-target.ts'
import { serverSentEvents } from './server-sent-events.ts'

/** Options of {@link openHttpTarget}. */
export interface HttpTargetOptions {
  /** Address of the server, with or without `/v1`. */
  readonly url: string
  /** By default the first that the server lists. */
  readonly model?: string | undefined
  readonly apiKey?: string | undefined
  /** `completions` takes texts, `chat` conversations; a text becomes a conversation of one message. */
  readonly endpoint: 'completions' | 'chat'
  readonly temperature?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A piece of a streamed answer, of either endpoint. */
interface Chunk {
  readonly choices?: readonly {
    readonly text?: string | null
    readonly delta?: { readonly content?: string | null; readonly reasoning?: string | null; readonly reasoning_content?: string | null }
    readonly finish_reason?: string | null
  }[]
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null
  readonly error?: unknown
}

/**
 * A server that speaks OpenAI's API as a target. Asks it for its models first, so that a wrong address or key is known at once.
 *
 * @throws HenceError `SERVER_UNREACHABLE`, `SERVER_FAILED`, `OPTION_INVALID`, `ABORTED`
 */
export async function openHttpTarget(options: HttpTargetOptions): Promise<LoadTarget> {
  const base = baseOf(options.url)
  const headers = {
    'content-type': 'application/json',
    ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
  }
  const model = await findModel(base, headers, options)
  const path = options.endpoint === 'chat' ? 'chat/completions' : 'completions'
  return {
    backend: options.endpoint === 'chat' ? 'openai-chat' : 'openai',
    model,
    location: base,
    async send(request, onPiece, signal) {
      const body = JSON.stringify({ model, ...bodyOf(request, options) })
      try {
        const response = await fetch(`${base}/${path}`, { method: 'POST', headers, body, signal })
        if (!response.ok || response.body === null) throw await statusFailure(response)
        return await follow(response.body, onPiece)
      } catch (error) {
        throw connectionFailure(error, signal)
      }
    },
  }
}

/** `http://host:8000`, `…/v1` and the address of an endpoint all mean the same server. */
function baseOf(url: string): string {
  if (!URL.canParse(url)) throw new HenceError('OPTION_INVALID', `${url} is no address such as http://127.0.0.1:8000`, { url })
  const { origin, pathname } = new URL(url)
  const path = pathname.replace(/\/+$/, '').replace(/\/(chat\/completions|completions|models)$/, '')
  return origin + (/\/v\d+[^/]*$/.test(path) ? path : `${path}/v1`)
}

async function findModel(base: string, headers: Record<string, string>, { model, signal }: HttpTargetOptions): Promise<string> {
  const known = await listModels(base, headers, signal)
  const found = model ?? known?.[0]
  if (found === undefined)
    throw new HenceError('SERVER_FAILED', `GET ${base}/models names no model`, { url: base, hint: 'Name the model with --model.' })
  if (known && known.length > 0 && !known.includes(found))
    throw new HenceError('SERVER_FAILED', `${base} has no model "${found}"; it has ${known.slice(0, 8).join(', ')}`, { url: base, known })
  return found
}

/** Names of the models of a server; undefined where it does not say, which only matters when no model was named. */
async function listModels(base: string, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<string[] | undefined> {
  const response = await fetch(`${base}/models`, { headers, ...(signal ? { signal } : {}) }).catch((error: unknown) => {
    const failure = connectionFailure(error, signal)
    if (failure.code === 'ABORTED') throw failure
    throw new HenceError('SERVER_UNREACHABLE', `cannot reach ${base}: ${failure.message}`, { url: base, ...failure.details })
  })
  if (!response.ok) {
    const failure = await statusFailure(response)
    if (response.status === 404 || response.status === 405) {
      if (response.headers.get('content-type')?.includes('json')) return undefined
      throw new HenceError('SERVER_FAILED', `${base} does not speak OpenAI's API: GET ${base}/models gives ${failure.message}`, {
        url: base,
      })
    }
    throw new HenceError('SERVER_FAILED', `GET ${base}/models gives ${failure.message}`, { url: base, ...failure.details })
  }
  const body = (await response.json().catch(() => null)) as { data?: unknown } | null
  if (!Array.isArray(body?.data))
    throw new HenceError('SERVER_FAILED', `${base} does not speak OpenAI's API: GET ${base}/models gives no list`, { url: base })
  return body.data.flatMap((entry: { id?: unknown } | null) => (typeof entry?.id === 'string' ? [entry.id] : []))
}

function bodyOf({ prompt, maxTokens, ignoreEos }: LoadRequest, { endpoint, temperature }: HttpTargetOptions): Record<string, unknown> {
  const shared = {
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: maxTokens,
    ...(temperature === undefined ? {} : { temperature }),
    ...(ignoreEos ? { ignore_eos: true } : {}),
  }
  if (endpoint === 'chat') return { messages: isConversation(prompt) ? prompt : [{ role: 'user', content: prompt }], ...shared }
  return { prompt, ...shared }
}

/** Reads a streamed answer to its end. */
async function follow(body: AsyncIterable<Uint8Array>, onPiece: () => void): Promise<LoadUsage> {
  let usage: LoadUsage = { promptTokens: undefined, completionTokens: undefined }
  let isWhole = false
  let hasPieces = false
  for await (const data of serverSentEvents(body)) {
    if (data === '[DONE]') {
      isWhole = true
      continue
    }
    const chunk = parseChunk(data)
    const [choice] = chunk.choices ?? []
    const { content, reasoning, reasoning_content } = choice?.delta ?? {}
    const isEnd = typeof choice?.finish_reason === 'string'
    // Tokens that are no text come without a piece; then the end is the first sign of an answer.
    if (choice?.text || content || reasoning || reasoning_content || (isEnd && !hasPieces)) {
      hasPieces = true
      onPiece()
    }
    isWhole ||= isEnd
    if (chunk.usage) usage = { promptTokens: chunk.usage.prompt_tokens, completionTokens: chunk.usage.completion_tokens }
  }
  if (!isWhole) throw new HenceError('SERVER_FAILED', 'the stream ended before the answer did')
  return usage
}

function parseChunk(data: string): Chunk {
  let chunk: Chunk | null
  try {
    chunk = JSON.parse(data) as Chunk | null
  } catch {
    throw new HenceError('SERVER_FAILED', 'an event of the stream is no JSON')
  }
  if (typeof chunk !== 'object' || chunk === null) throw new HenceError('SERVER_FAILED', 'an event of the stream is no JSON object')
  if (chunk.error) throw new HenceError('SERVER_FAILED', `the stream broke off: ${messageIn(data)}`)
  return chunk
}
