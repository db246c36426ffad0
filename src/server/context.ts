import type { GenerationResult } from '../core/index.ts'
import type { Admission } from './admission.ts'
import type { ServerMetrics } from './metrics.ts'
import type { ModelRegistry } from './model-registry.ts'
import type { SseStream } from './sse.ts'

/** What the protocols of one server share. */
export interface ServerContext {
  readonly models: ModelRegistry
  readonly metrics: ServerMetrics
  readonly admission: Admission
}

/** What the log tells of a request, beside its route, status and duration; nothing of what was asked or answered. */
export interface RequestFacts {
  model?: string
  stream?: boolean
  promptTokens?: number
  completionTokens?: number
  firstTokenMs?: number
  /** Of the error, where there was one. */
  code?: string
}

/** One request being answered, apart from any protocol. */
export interface Exchange {
  /** Fires when the client leaves, or when a shutdown waits no longer. */
  readonly signal: AbortSignal
  /** Facts for the log. */
  note(facts: RequestFacts): void
  noteResults(results: readonly GenerationResult[]): void
  openStream(): SseStream
}
