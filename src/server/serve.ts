import { packageVersion } from '../core/index.ts'
import { Admission } from './admission.ts'
import type { ServerContext } from './context.ts'
import { healthRoutes } from './health-routes.ts'
import { HttpServer } from './http-server.ts'
import { ServerMetrics } from './metrics.ts'
import { ModelRegistry } from './model-registry.ts'
import { networkRoutes } from './networks/network-routes.ts'
import { oipRoutes } from './oip/routes.ts'
import { openAiRoutes } from './openai/routes.ts'
import { withOpenApi } from './openapi.ts'
import { pageRoutes } from './page/page-routes.ts'
import { statusRoutes } from './page/status-routes.ts'
import { RequestLog } from './request-log.ts'
import type { Route } from './route.ts'
import { type ServeOptions, settingsOf } from './serve-options.ts'

/** A server that listens. */
export interface RunningServer {
  /** Where it listens, without a slash at the end. */
  readonly url: string
  /** Resolves once all models are loaded. @throws what the first that failed threw */
  ready(): Promise<void>
  /** Takes no further requests, and resolves when those under way are answered or were given up. The models stay loaded. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Serves models over HTTP: OpenAI's API for language models, the Open Inference Protocol for tensor models, questions to
 * Bayesian networks.
 *
 * @throws HenceError `OPTION_INVALID`, `LISTEN_FAILED`
 * @example
 * ```ts
 * import { load } from 'hence'
 * import { serve } from 'hence/server'
 * const model = await load('model.gguf')
 * const server = await serve({ models: { stories: model }, port: 8000 })
 * console.log(server.url)
 * ```
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const settings = settingsOf(options)
  const { page = true } = options
  const log = new RequestLog(options.log)
  const models = new ModelRegistry(options.models)
  const admission = new Admission(settings.maxAdmitted)
  const context: ServerContext = { models, admission, metrics: new ServerMetrics(models, () => admission.admitted, options.readBandwidth) }
  const routes = (isDraining: () => boolean): Route[] =>
    withOpenApi(
      [
        ...healthRoutes(context, isDraining),
        ...openAiRoutes(context),
        ...networkRoutes(context),
        ...oipRoutes(context, settings.batching, packageVersion(), isDraining),
        ...(page === false ? [] : [...pageRoutes(typeof page === 'string' ? page : undefined), ...statusRoutes(context)]),
      ],
      settings.apiKeys.length > 0,
    )
  const server = new HttpServer({ settings, context, log, routes })
  const url = await server.listen()
  log.event('listening', { url, models: Object.keys(options.models) })
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= server.close()
    return closing
  }
  return { url, ready: () => models.settled(), close, [Symbol.asyncDispose]: close }
}
