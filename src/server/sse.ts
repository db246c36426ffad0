import type { FastifyReply } from 'fastify'
import { HenceError } from '../core/index.ts'

/** A comment is sent after this long without an event, so that nothing on the way takes the connection for dead. */
const KEEP_ALIVE_MS = 15_000

/** Characters that gather before they are sent at once; then the sender waits while the reader is slow. */
const MOST_GATHERED = 65_536

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // Tells proxies such as nginx to pass events on at once.
  'x-accel-buffering': 'no',
}

/**
 * Server-sent events as the answer to a request. {@link send} waits while the reader is slow, so that what is under way in
 * memory stays bounded. Events of one turn of the event loop leave together at its end, when the next step of the engine has
 * begun. The status line goes out with the first event: until then the request can
 * still be answered otherwise. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export class SseStream {
  readonly #reply: FastifyReply
  readonly #stallMs: number
  readonly #timer: NodeJS.Timeout
  #hasBegun = false
  #gathered = ''
  #flushing: NodeJS.Immediate | undefined
  #draining: Promise<void> | undefined

  /** @param stallMs - a reader that takes nothing for this long is let go */
  constructor(reply: FastifyReply, stallMs: number) {
    this.#reply = reply
    this.#stallMs = stallMs
    this.#timer = setInterval(() => {
      if (this.#draining || this.#isGone) return
      this.#begin()
      this.#reply.raw.write(':\n\n')
    }, KEEP_ALIVE_MS)
  }

  /** True once a status line went out; an error can then only be told as an event. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Sends an event for each text, none of which has a line break. @throws HenceError `ABORTED` when the reader left */
  async send(...texts: readonly string[]): Promise<void> {
    // Several answers may share the stream; all of them wait.
    while (this.#draining) await this.#draining
    if (this.#isGone) throw new HenceError('ABORTED', 'the reader of the stream left')
    this.#timer.refresh()
    for (const text of texts) this.#gathered += `data: ${text}\n\n`
    this.#begin()
    if (this.#gathered.length >= MOST_GATHERED) this.#flush()
    else this.#flushing ??= setImmediate(() => this.#flush())
    if (this.#draining) await this.#draining
  }

  /** Ends the stream; nothing where it never began. */
  close(): void {
    clearInterval(this.#timer)
    if (!this.#hasBegun) return
    if (!this.#isGone) this.#flush()
    this.#reply.raw.end()
  }

  get #isGone(): boolean {
    const { raw } = this.#reply
    return raw.destroyed || raw.writableEnded
  }

  #begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    const { raw } = this.#reply
    this.#reply.hijack()
    raw.writeHead(200, { ...(this.#reply.getHeaders() as Record<string, string>), ...HEADERS })
    raw.socket?.setTimeout(this.#stallMs)
  }

  #flush(): void {
    clearImmediate(this.#flushing)
    this.#flushing = undefined
    const text = this.#gathered
    this.#gathered = ''
    if (text === '' || this.#isGone) return
    if (!this.#reply.raw.write(text)) this.#draining ??= this.#drained()
  }

  async #drained(): Promise<void> {
    const { raw } = this.#reply
    await new Promise<void>(resolve => {
      const done = (): void => {
        raw.off('drain', done).off('close', done)
        resolve()
      }
      raw.on('drain', done).on('close', done)
    })
    this.#draining = undefined
  }
}
