/** A model as the server tells of it. */
export interface ModelStatus {
  readonly name: string
  readonly state: 'loading' | 'ready' | 'failed'
  readonly kind?: 'language' | 'tensor' | 'network'
  readonly architecture?: string
  readonly parameters?: number
  readonly context?: number
  readonly precision?: string
  readonly backend?: string | null
  readonly memory?: Readonly<Record<string, number>>
  readonly hasTokenizer?: boolean
  readonly hasChatTemplate?: boolean
  readonly sampling?: Readonly<Record<string, number>>
  readonly activity?: { readonly running: number; readonly waiting: number; readonly kvTokensUsed: number; readonly kvTokens: number }
  readonly inputs?: readonly TensorValue[]
  readonly outputs?: readonly TensorValue[]
  readonly takesPictures?: boolean
}

/** An input or output of a tensor model. */
export interface TensorValue {
  readonly name: string
  readonly kind: string
  readonly dtype?: string
  readonly shape?: readonly (number | string | null)[]
}

/** How long something took, how often. */
export interface Latency {
  readonly name: string
  readonly model: string
  readonly count: number
  readonly sumSeconds: number
  readonly buckets: readonly { readonly le: number | null; readonly count: number }[]
}

/** What the server tells of itself. */
export interface Status {
  readonly version: string
  readonly uptimeSeconds: number
  readonly memoryBytes: number
  readonly admitted: number
  readonly models: readonly ModelStatus[]
  readonly latencies: readonly Latency[]
}

/** The server refused a request. */
export class RequestFailed extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const KEY = 'hence-api-key'

/** The key is kept for this tab only. */
export function setKey(key: string): void {
  sessionStorage.setItem(KEY, key)
}

/** Sends a request. @throws RequestFailed with the server's own words */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const key = sessionStorage.getItem(KEY)
  const headers = new Headers(init.headers)
  if (key) headers.set('authorization', `Bearer ${key}`)
  const response = await fetch(path, { ...init, headers })
  if (response.ok) return response
  throw new RequestFailed(response.status, messageIn(await response.text()) || `The server answered ${response.status}.`)
}

export function postJson(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return send(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal ? { signal } : {}),
  })
}

export async function getStatus(): Promise<Status> {
  return (await (await send('/hence/status')).json()) as Status
}

/** The message in a failed answer, whichever protocol it is of. */
function messageIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: string | { message?: string } }
    return typeof error === 'string' ? error : (error?.message ?? '')
  } catch {
    return ''
  }
}
