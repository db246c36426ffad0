import type { Exchange } from './context.ts'

/** What a route reads of a request. */
export interface RouteRequest {
  readonly params: Readonly<Record<string, string | undefined>>
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** As it came. */
  readonly body: unknown
}

/** An answer other than a JSON document with status 200. */
export class RouteReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array

  constructor(status: number, headers: Readonly<Record<string, string>>, body: string | Uint8Array) {
    this.status = status
    this.headers = headers
    this.body = body
  }
}

/** One endpoint. */
export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Needs no key. */
  readonly isPublic?: boolean
  /** Gives the JSON document to answer with, a {@link RouteReply}, or undefined after it streamed. @throws HenceError */
  answer(request: RouteRequest, exchange: Exchange): Promise<unknown>
}
