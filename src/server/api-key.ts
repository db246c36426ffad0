import { createHash, timingSafeEqual } from 'node:crypto'
import { HenceError } from '../core/index.ts'

/** Checks keys of requests. The time it takes tells nothing of the keys. */
export class ApiKeys {
  readonly #digests: readonly Buffer[]

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest)
  }

  get isOpen(): boolean {
    return this.#digests.length === 0
  }

  /** @throws HenceError `KEY_INVALID` */
  check(authorization: string | undefined): void {
    if (this.isOpen) return
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    if (given === undefined) throw new HenceError('KEY_INVALID', 'no API key was given; send it as `Authorization: Bearer KEY`')
    const candidate = digest(given)
    // All keys are compared, whichever fits.
    let matches = 0
    for (const known of this.#digests) matches += Number(timingSafeEqual(known, candidate))
    if (matches === 0) throw new HenceError('KEY_INVALID', 'the API key is not one of this server', { openai: 'invalid_api_key' })
  }
}

/** Digests are equally long, as the comparison needs them. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
