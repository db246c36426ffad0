import type { ServerContext } from './context.ts'
import { type Route, RouteReply } from './route.ts'

/** Whether the server lives, whether it can take work, and what it counts. */
export function healthRoutes({ models, metrics }: ServerContext, isDraining: () => boolean): Route[] {
  return [
    { method: 'GET', path: '/health', isPublic: true, answer: async () => ({ status: 'ok' }) },
    {
      method: 'GET',
      path: '/ready',
      isPublic: true,
      async answer() {
        const isReady = models.isReady && !isDraining()
        const states = Object.fromEntries(models.list().map(({ name, state }) => [name, state]))
        const body = JSON.stringify({ status: isReady ? 'ready' : isDraining() ? 'draining' : 'loading', models: states })
        return new RouteReply(isReady ? 200 : 503, { 'content-type': 'application/json; charset=utf-8' }, body)
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      answer: async () => new RouteReply(200, { 'content-type': metrics.registry.contentType }, await metrics.registry.metrics()),
    },
  ]
}
