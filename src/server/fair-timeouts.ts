import type { Server } from 'node:http'
import { Pauses } from './pauses.ts'

/**
 * Lets the timeouts of a server that listens measure how long it waited for its clients, not how long they waited for it. After a
 * pause timers are due before what came meanwhile is read: who had sent all in time would be told 408, or let go.
 *
 * @param silenceMs - the longest that a socket may be silent in an answer
 */
export function makeTimeoutsFair(server: Server, silenceMs: number): void {
  const { headersTimeout, requestTimeout, keepAliveTimeout } = server
  const pauses = new Pauses(Math.max(headersTimeout, requestTimeout, keepAliveTimeout, silenceMs))
  // Node reads both whenever it looks for requests that are late.
  Object.defineProperty(server, 'headersTimeout', { get: () => pauses.spanOf(headersTimeout) })
  Object.defineProperty(server, 'requestTimeout', { get: () => pauses.spanOf(requestTimeout) })
  server.on('timeout', socket => {
    const { timeout = 0 } = socket
    if (pauses.spanOf(timeout) > timeout) socket.setTimeout(timeout)
    else socket.destroy()
  })
  server.once('close', () => pauses.stop())
}
