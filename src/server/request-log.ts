import type { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'
import type { HttpExchange } from './http-exchange.ts'

/** One JSON line for every request and every event of the server. Prompts, answers and bodies are never among them. */
export class RequestLog {
  readonly #logger: Logger

  /** @param stream - where lines go; nowhere by default */
  constructor(stream: Writable | undefined) {
    this.#logger = pino(
      {
        enabled: stream !== undefined,
        base: null,
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: label => ({ level: label }) },
      },
      stream ?? { write: () => {} },
    )
  }

  /** An event that is no request. */
  event(message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.#logger.info(facts, message)
  }

  request(exchange: HttpExchange, status: number): void {
    const { request, facts, begunAt } = exchange
    const line = {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? null,
      status,
      ms: Math.round((performance.now() - begunAt) * 100) / 100,
      ...facts,
    }
    if (status >= 500) this.#logger.error(line, 'request')
    else this.#logger.info(line, 'request')
  }

  /** A failure that is the server's own fault, with where it comes from. */
  failure(requestId: string, error: unknown): void {
    const { name, stack, code } = error as { name?: string; stack?: string; code?: string }
    // The first line of a stack is the message, which may quote a request.
    this.#logger.error({ requestId, name, code, stack: stack?.split('\n').filter(line => /^\s+at /.test(line)) }, 'failure')
  }
}
