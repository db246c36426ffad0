import { randomUUID } from 'node:crypto'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { HenceError } from '../core/index.ts'
import { ApiKeys } from './api-key.ts'
import type { ServerContext } from './context.ts'
import { applyCors } from './cors.ts'
import { makeTimeoutsFair } from './fair-timeouts.ts'
import { HttpExchange } from './http-exchange.ts'
import { failureHeaders, failureOf } from './http-failure.ts'
import { isLocalHostHeader } from './loopback.ts'
import { openAiError } from './openai/openai-error.ts'
import type { RequestLog } from './request-log.ts'
import { type Route, RouteReply } from './route.ts'
import type { ServerSettings } from './serve-options.ts'

/** Headers and bodies that have not arrived in time are looked for this often. */
const TIMEOUT_CHECK_MS = 2_000
const HEADERS_TIMEOUT_MS = 20_000
const KEEP_ALIVE_MS = 65_000
/** Open sockets; each takes a few kilobytes. */
const MAX_CONNECTIONS = 20_000
/** How often a server that is closing looks for connections nobody uses any more. */
const DRAIN_SWEEP_MS = 20

/** What an HTTP server is made of. */
export interface HttpServerParts {
  readonly settings: ServerSettings
  readonly context: ServerContext
  readonly log: RequestLog
  routes(isDraining: () => boolean): readonly Route[]
}

/** HTTP around routes: keys, request ids, limits, failures, and an orderly end. Knows no protocol. */
export class HttpServer {
  readonly #app: FastifyInstance
  readonly #settings: ServerSettings
  readonly #keys: ApiKeys
  readonly #context: ServerContext
  readonly #log: RequestLog
  readonly #open = new Map<FastifyRequest, HttpExchange>()
  #isDraining = false

  constructor({ settings, context, log, routes }: HttpServerParts) {
    this.#settings = settings
    this.#context = context
    this.#log = log
    this.#keys = new ApiKeys(settings.apiKeys)
    this.#app = this.#createApp()
    this.#app.addHook('onRequest', async (request, reply) => this.#admit(request, reply))
    this.#app.setErrorHandler((error, request, reply) => this.#fail(error, request, reply))
    this.#app.setNotFoundHandler(async request => {
      throw notFound(request)
    })
    for (const route of routes(() => this.#isDraining)) this.#add(route)
  }

  /** @returns the address, as a URL @throws HenceError `LISTEN_FAILED` */
  async listen(): Promise<string> {
    const { host, port, tls, stallTimeoutMs } = this.#settings
    try {
      await this.#app.listen({ host, port, backlog: 1_024 })
    } catch (cause) {
      const { code } = cause as { code?: string }
      const why =
        code === 'EADDRINUSE' ? 'the port is in use' : code === 'EACCES' ? 'this user may not use the port' : (code ?? String(cause))
      throw new HenceError('LISTEN_FAILED', `cannot listen on ${host} port ${port}: ${why}`, { host, port, errno: code, cause })
    }
    this.#app.server.maxConnections = MAX_CONNECTIONS
    makeTimeoutsFair(this.#app.server, stallTimeoutMs)
    const { port: chosen } = this.#app.server.address() as { port: number }
    const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
    return `${tls ? 'https' : 'http'}://${shown}:${chosen}`
  }

  /** Takes no further requests, waits for those under way as long as the settings say, then ends them. */
  async close(): Promise<void> {
    this.#isDraining = true
    const closed = this.#app.close()
    // Node takes a connection that never sent a request for a busy one, so an empty house is cleared of all of them.
    const sweep = setInterval(() => {
      if (this.#open.size === 0) this.#app.server.closeAllConnections()
      else this.#app.server.closeIdleConnections()
    }, DRAIN_SWEEP_MS)
    const giveUp = setTimeout(() => {
      for (const exchange of this.#open.values())
        exchange.abort(new HenceError('SERVER_UNAVAILABLE', 'The server is shutting down and cannot finish this request'))
      setTimeout(() => this.#app.server.closeAllConnections(), 1_000).unref()
    }, this.#settings.drainMs)
    await closed
    clearInterval(sweep)
    clearTimeout(giveUp)
  }

  #createApp(): FastifyInstance {
    const { tls, maxBodyBytes, requestTimeoutMs } = this.#settings
    const http = {
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, requestTimeoutMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
      keepAlive: true,
    }
    const app = fastify({
      bodyLimit: maxBodyBytes,
      return503OnClosing: false,
      forceCloseConnections: 'idle',
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      genReqId: request => requestIdOf(request.headers['x-request-id']),
      routerOptions: { maxParamLength: 1_000 },
      ...(tls ? { https: { ...http, cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) } } : { http }),
    }) as unknown as FastifyInstance
    app.removeAllContentTypeParsers()
    const keep = (_: FastifyRequest, body: Buffer, done: (error: null, body: Buffer) => void): void => done(null, body)
    app.addContentTypeParser(['application/json', 'application/octet-stream'], { parseAs: 'buffer' }, keep)
    return app
  }

  async #admit(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    reply.header('x-request-id', request.id)
    const exchange = new HttpExchange(request, reply, this.#settings.stallTimeoutMs, (closed, status) => this.#closed(closed, status))
    this.#open.set(request, exchange)
    if (this.#settings.checksHost && !isLocalHostHeader(request.headers.host))
      throw new HenceError('REQUEST_INVALID', 'This server answers only to localhost', { status: 403 })
    if (applyCors(this.#settings.corsOrigins, request, reply)) return reply
    const { isPublic } = request.routeOptions.config as { isPublic?: boolean }
    if (isPublic) return undefined
    this.#keys.check(request.headers.authorization)
    if (!this.#isDraining) return undefined
    reply.header('connection', 'close')
    throw new HenceError('SERVER_UNAVAILABLE', 'The server is shutting down and takes no further requests')
  }

  #closed(exchange: HttpExchange, status: number): void {
    const { request, begunAt } = exchange
    this.#open.delete(request)
    this.#context.metrics.countHttp(request.routeOptions.url ?? 'unknown', request.method, status, performance.now() - begunAt)
    this.#log.request(exchange, status)
  }

  #add({ method, path, isPublic = false, answer }: Route): void {
    this.#app.route({
      method,
      url: path,
      config: { isPublic },
      handler: async (request, reply) => {
        const result = await answer(
          { params: request.params as Record<string, string>, headers: request.headers, body: request.body },
          this.#open.get(request)!,
        )
        if (result === undefined || reply.sent) return reply
        reply.raw.socket?.setTimeout(this.#settings.stallTimeoutMs)
        if (result instanceof RouteReply) return reply.code(result.status).headers(result.headers).send(result.body)
        return reply.type('application/json; charset=utf-8').send(JSON.stringify(result))
      },
    })
  }

  #fail(error: unknown, request: FastifyRequest, reply: FastifyReply): unknown {
    const failure = failureOf(error)
    const exchange = this.#open.get(request)
    exchange?.note({ code: failure.code })
    if (failure.status >= 500 && failure.code !== 'SERVER_UNAVAILABLE') this.#log.failure(request.id, error)
    const isOip = request.url.startsWith('/v2')
    const body = isOip ? { error: failure.message } : openAiError(failure)
    // What is left of a body that is not wanted is not worth reading.
    if (failure.status === 413 || failure.status === 408) reply.header('connection', 'close')
    return reply.code(failure.status).headers(failureHeaders(failure)).type('application/json; charset=utf-8').send(JSON.stringify(body))
  }
}

/** A client may name its request; anything else than a plain word gets a name of ours. */
function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : `req_${randomUUID().replaceAll('-', '')}`
}

function notFound(request: FastifyRequest): HenceError {
  const path = request.url.split('?', 1)[0]!.slice(0, 200)
  return new HenceError('REQUEST_INVALID', `Invalid URL (${request.method} ${path})`, { status: 404 })
}
