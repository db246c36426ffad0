import { HenceError } from '../core/index.ts'
import { exchange, type Hub, invalidAnswer } from './hub-request.ts'
import { refusal, type Wanted } from './refusal.ts'
import { withRetries } from './retry.ts'

/** Listings of the largest repositories take some megabytes. */
const MAX_ANSWER_BYTES = 32 * 2 ** 20

/** An answer in JSON, and the address of the next page of it. */
export interface JsonAnswer {
  readonly value: unknown
  readonly next: string | undefined
}

/**
 * Asks the hub's API a question.
 *
 * @throws HenceError what {@link refusal} makes of an answer, `HUB_INVALID` for one that is too long or no JSON
 */
export async function askHub(hub: Hub, address: string, wanted: Wanted): Promise<JsonAnswer> {
  return withRetries(hub, () =>
    exchange(hub, address, { headers: { accept: 'application/json' } }, async (response, body) => {
      if (!response.ok) throw refusal(response, address, wanted, hub.settings.token !== undefined)
      const text = await readText(address, body)
      try {
        return { value: JSON.parse(text) as unknown, next: nextPage(hub, address, response.headers.get('link')) }
      } catch (cause) {
        if (cause instanceof HenceError) throw cause
        throw invalidAnswer(address, `the answer is no JSON; it begins with ${JSON.stringify(text.slice(0, 40))}`)
      }
    }),
  )
}

async function readText(address: string, body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw invalidAnswer(address, `the answer is longer than ${MAX_ANSWER_BYTES} bytes, a limit of Hence's`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes).toString('utf8')
}

/** The `rel="next"` of a Link header; Source: RFC 8288. */
function nextPage(hub: Hub, address: string, header: string | null): string | undefined {
  const link = /<([^<>]{1,4096})>\s*;\s*rel="?next"?/.exec(header ?? '')?.[1]
  if (link === undefined) return undefined
  const next = URL.canParse(link, address) ? new URL(link, address) : undefined
  // The token goes with it.
  if (next?.origin !== new URL(hub.settings.endpoint).origin) throw invalidAnswer(address, 'its next page is on another host')
  return next.href
}
