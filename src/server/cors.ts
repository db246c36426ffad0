import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Lets pages of the given origins call the server.
 *
 * @returns true when the request was a preflight that is answered now
 */
export function applyCors(origins: readonly string[], request: FastifyRequest, reply: FastifyReply): boolean {
  if (origins.length === 0) return false
  const { origin } = request.headers
  reply.header('vary', 'Origin')
  if (origin === undefined || !(origins.includes('*') || origins.includes(origin))) return false
  reply.header('access-control-allow-origin', origins.includes('*') ? '*' : origin)
  reply.header('access-control-expose-headers', 'x-request-id, retry-after, inference-header-content-length')
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false
  const asked = request.headers['access-control-request-headers']
  void reply
    .code(204)
    .header('access-control-allow-methods', 'GET, POST')
    .header('access-control-allow-headers', asked ?? 'authorization, content-type')
    .header('access-control-max-age', '600')
    .send()
  return true
}
