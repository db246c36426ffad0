import { type ErrorDetails, HenceError, isHenceError, throwIfAborted } from '../core/index.ts'
import type { HubSettings } from './hub-settings.ts'

/** Whom to ask, and for how long. */
export interface Hub {
  readonly settings: HubSettings
  readonly signal?: AbortSignal | undefined
}

/** One request. */
export interface HubRequest {
  readonly method?: 'GET' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  /** A redirect to another host is an answer, not a way to go. */
  readonly staysAtHub?: boolean
}

const MAX_REDIRECTS = 10
/** Failures of connections that another attempt does not mend. */
const LASTING = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|ERR_INVALID/
/** Failures to find a way to the host at all. */
const NO_WAY = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH)$/

/**
 * Sends a request and hands its answer to `use`; the connection is given up when nothing comes for too long, and closed
 * when `use` ends.
 *
 * @param address - absolute
 * @throws HenceError `HUB_UNREACHABLE` (with `isTransient` when another attempt may do), `HUB_INVALID`, `ABORTED`
 */
export async function exchange<T>(
  hub: Hub,
  address: string,
  request: HubRequest,
  use: (response: Response, body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const { stallMs } = hub.settings
  const watch = new AbortController()
  let hasStalled = false
  const timer = setTimeout(() => {
    hasStalled = true
    watch.abort()
  }, stallMs)
  const signal = hub.signal ? AbortSignal.any([hub.signal, watch.signal]) : watch.signal
  try {
    throwIfAborted(hub.signal)
    const response = await follow(hub.settings, address, request, signal)
    return await use(response, bodyOf(response, timer))
  } catch (error) {
    if (isHenceError(error)) throw error
    throwIfAborted(hub.signal)
    throw hasStalled ? stalled(address, stallMs) : broken(address, error)
  } finally {
    clearTimeout(timer)
    watch.abort()
  }
}

async function follow(settings: HubSettings, address: string, request: HubRequest, signal: AbortSignal): Promise<Response> {
  const { origin } = new URL(settings.endpoint)
  let url = new URL(address)
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const authorization = settings.token !== undefined && url.origin === origin ? { authorization: `Bearer ${settings.token}` } : {}
    const response = await fetch(url, {
      method: request.method ?? 'GET',
      // Ranges and hashes are those of the file as it is stored.
      headers: { ...request.headers, 'accept-encoding': 'identity', 'user-agent': 'hence', ...authorization },
      redirect: 'manual',
      signal,
    })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null) return response
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined
    if (!next || !/^https?:$/.test(next.protocol) || (url.protocol === 'https:' && next.protocol === 'http:'))
      throw invalidAnswer(address, `it redirects to ${next ? `${next.protocol}//${next.host}` : 'what is no address'}`)
    if (request.staysAtHub && next.origin !== url.origin) return response
    await response.body?.cancel()
    url = next
  }
  throw invalidAnswer(address, `it redirects more than ${MAX_REDIRECTS} times`)
}

async function* bodyOf(response: Response, timer: NodeJS.Timeout): AsyncGenerator<Uint8Array> {
  timer.refresh()
  if (response.body === null) return
  for await (const chunk of response.body) {
    timer.refresh()
    yield chunk
  }
}

/** The address of a request as errors show it: addresses of storage carry signatures, which are secret for a while. */
function shownAddress(address: string): string {
  const { origin, pathname } = new URL(address)
  return origin + pathname
}

/** An answer that no hub gives. */
export function invalidAnswer(address: string, reason: string, facts: ErrorDetails = {}): HenceError {
  return new HenceError('HUB_INVALID', `${shownAddress(address)}: ${reason}`, { ...facts, address: shownAddress(address), reason })
}

/** A failure that may pass. `waitMs` is how long the hub asks to wait. */
export function passingFailure(address: string, reason: string, waitMs?: number): HenceError {
  return new HenceError('HUB_UNREACHABLE', `${shownAddress(address)}: ${reason}`, {
    address: shownAddress(address),
    reason,
    isTransient: true,
    ...(waitMs === undefined ? {} : { waitMs }),
  })
}

function stalled(address: string, stallMs: number): HenceError {
  return passingFailure(address, `nothing came for ${stallMs / 1_000} s`)
}

function broken(address: string, error: unknown): HenceError {
  const { code: inner, message: innerMessage } = ((error as Error).cause ?? {}) as { code?: string; message?: string }
  const code = inner ?? (error as { code?: string }).code ?? ''
  const reason = innerMessage || (error as Error).message || 'the connection broke'
  const isLasting = LASTING.test(code)
  return new HenceError('HUB_UNREACHABLE', `${shownAddress(address)}: ${reason}`, {
    address: shownAddress(address),
    reason: code || reason,
    isTransient: !isLasting,
    hasNoWay: NO_WAY.test(code),
    cause: error,
    ...(isLasting ? { hint: 'The certificate is not trusted; NODE_EXTRA_CA_CERTS names a file with more authorities.' } : {}),
  })
}
