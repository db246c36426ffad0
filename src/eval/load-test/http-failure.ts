import { HenceError, isHenceError } from '../../core/index.ts'

const MAX_BODY_BYTES = 65_536
const MAX_WORDS = 300

/** What a connection that failed is told as, by the code of its failure. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was closed before the end of the answer',
  EPIPE: 'the connection was closed before the end of the answer',
  UND_ERR_SOCKET: 'the connection was closed before the end of the answer',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'no answer began in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stood still for too long',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host could not be looked up',
}

/** A failure of `fetch`, or of reading what it gave, in words. */
export function connectionFailure(error: unknown, signal: AbortSignal | undefined): HenceError {
  if (isHenceError(error)) return error
  if (signal?.aborted) return new HenceError('ABORTED', 'the request was aborted')
  const code = codeOf(error)
  const words = WORDS[code] ?? (error instanceof Error ? error.message : String(error))
  return new HenceError('SERVER_UNREACHABLE', words, { code, cause: error })
}

/** An answer other than 200, with what its body says. */
export async function statusFailure(response: Response): Promise<HenceError> {
  const said = messageIn(await bodyOf(response))
  return new HenceError('SERVER_FAILED', `HTTP ${response.status}${said === '' ? '' : `: ${said}`}`, { status: response.status })
}

/** The message of an error as OpenAI's API words it, or the beginning of whatever else it is. */
export function messageIn(body: string): string {
  let found = body.trimStart().startsWith('<') ? '' : body
  try {
    const parsed = JSON.parse(body) as { error?: { message?: unknown } | string; message?: unknown; detail?: unknown } | null
    const { error, message, detail } = parsed ?? {}
    const words = typeof error === 'object' ? error?.message : (error ?? message ?? detail)
    if (typeof words === 'string') found = words
  } catch {
    // A text says what it says.
  }
  const line = found.replaceAll(/\s+/g, ' ').trim()
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS - 1)}…` : line
}

async function bodyOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes as Uint8Array, { stream: true })
      if (text.length > MAX_BODY_BYTES) break
    }
  } catch {
    // The status says enough.
  }
  return text
}

function codeOf(error: unknown): string {
  for (let at: unknown = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string') return code
  }
  return ''
}
