import { HenceError } from '../../core/index.ts'

/** Longest event that is read, in characters. */
const MAX_EVENT = 16_777_216

/**
 * The data of every event of a stream, without comments and other fields.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @throws HenceError `SERVER_FAILED` for an event without end
 */
export async function* serverSentEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  let size = 0
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop()!
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
      size += line.length
      if (line !== '') continue
      if (data.length > 0) yield data.join('\n')
      data = []
      size = 0
    }
    if (rest.length + size > MAX_EVENT) throw new HenceError('SERVER_FAILED', `an event is longer than ${MAX_EVENT} characters`)
  }
}
