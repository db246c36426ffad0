import { setMaxListeners } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { GenerationResult } from '../core/index.ts'
import type { Exchange, RequestFacts } from './context.ts'
import { SseStream } from './sse.ts'

/** A request of HTTP from its arrival until its connection has taken the answer, or went away. */
export class HttpExchange implements Exchange {
  readonly request: FastifyRequest
  readonly facts: RequestFacts = {}
  readonly begunAt: number = performance.now()
  readonly #reply: FastifyReply
  readonly #stallMs: number
  readonly #controller = new AbortController()

  /** @param onClose - called once, when nothing more can be sent */
  constructor(request: FastifyRequest, reply: FastifyReply, stallMs: number, onClose: (exchange: HttpExchange, status: number) => void) {
    this.request = request
    this.#reply = reply
    this.#stallMs = stallMs
    // Every answer of a request listens.
    setMaxListeners(0, this.#controller.signal)
    const { raw } = reply
    raw.once('close', () => {
      const wasSent = raw.writableFinished
      if (!wasSent) this.abort(undefined)
      onClose(this, wasSent ? raw.statusCode : 499)
    })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Ends the work on this request, for a reason that its client is told if it is still there. */
  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  note(facts: RequestFacts): void {
    Object.assign(this.facts, facts)
  }

  noteResults(results: readonly GenerationResult[]): void {
    const sum = (read: (result: GenerationResult) => number): number => results.reduce((total, result) => total + read(result), 0)
    this.note({
      promptTokens: sum(({ usage }) => usage.promptTokens),
      completionTokens: sum(({ usage }) => usage.completionTokens),
      firstTokenMs: round(Math.min(...results.map(({ timings }) => timings.timeToFirstTokenMs))),
    })
  }

  openStream(): SseStream {
    return new SseStream(this.#reply, this.#stallMs)
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
