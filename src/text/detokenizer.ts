import type { Decoding } from './decoders.ts'
import { type StreamingFilter, streamingFilter } from './text-filters.ts'
import type { StreamDetokenizer } from './tokenizer.ts'

/** What a detokenizer needs to know of each id. */
export interface TokenTable {
  /** Text as the file spells it; undefined where an id is not used. */
  readonly tokens: readonly (string | undefined)[]
  /** Ids that `skipSpecial` leaves out. */
  readonly special: ReadonlySet<number>
  /** Ids whose text is shown as it stands. */
  readonly verbatim: ReadonlySet<number>
}

const encoder = new TextEncoder()
const NO_BYTES = new Uint8Array(0)

/** Bytes of single tokens, remembered as they are met. */
export class TokenBytes {
  readonly #table: TokenTable
  readonly #decoding: Decoding
  readonly #known: (Uint8Array | undefined)[] = []

  constructor(table: TokenTable, decoding: Decoding) {
    this.#table = table
    this.#decoding = decoding
  }

  /** UTF-8 bytes, possibly part of a character, that `id` adds to a text. */
  of(id: number, isFirst: boolean): Uint8Array {
    const known = isFirst ? undefined : this.#known[id]
    if (known !== undefined) return known
    const token = this.#table.tokens[id]
    if (token === undefined) return NO_BYTES
    let value: string | Uint8Array = token
    if (!this.#table.verbatim.has(id)) {
      for (const stage of this.#decoding.stages) {
        if (typeof value !== 'string') break
        value = stage(value, isFirst)
      }
    }
    const bytes = typeof value === 'string' ? encoder.encode(value) : value
    if (!isFirst) this.#known[id] = bytes
    return bytes
  }

  /** Text of `id` as the file spells it. */
  tokenOf(id: number): string | undefined {
    return this.#table.tokens[id]
  }

  skips(id: number): boolean {
    return this.#table.special.has(id)
  }
}

/** Joins the bytes of tokens into text; see {@link StreamDetokenizer}. */
export class Detokenizer implements StreamDetokenizer {
  readonly #bytes: TokenBytes
  readonly #skipSpecial: boolean
  readonly #filters: readonly StreamingFilter[]
  readonly #dropsRepeats: boolean
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  readonly #continues: boolean
  #isFirst: boolean
  #previous: string | undefined

  constructor(bytes: TokenBytes, decoding: Decoding, options: { readonly skipSpecial: boolean; readonly continues: boolean }) {
    this.#bytes = bytes
    this.#skipSpecial = options.skipSpecial
    this.#continues = options.continues
    this.#isFirst = !options.continues
    this.#filters = decoding.filters.map(each => streamingFilter('start' in each && options.continues ? { ...each, start: 0 } : each))
    this.#dropsRepeats = decoding.dropsRepeats ?? false
  }

  push(id: number): string {
    const bytes = this.#take(id)
    return bytes === undefined ? '' : this.#trim(this.#utf8.decode(bytes, { stream: true }))
  }

  flush(): string {
    this.#isFirst = !this.#continues
    this.#previous = undefined
    let text = this.#utf8.decode()
    for (const filter of this.#filters) text = filter.push(text) + filter.flush()
    return text
  }

  /** All of `ids` at once. */
  all(ids: Iterable<number>): string {
    const parts: Uint8Array[] = []
    let length = 0
    for (const id of ids) {
      const bytes = this.#take(id)
      if (bytes === undefined) continue
      parts.push(bytes)
      length += bytes.length
    }
    const joined = new Uint8Array(length)
    let at = 0
    for (const part of parts) {
      joined.set(part, at)
      at += part.length
    }
    return this.#trim(this.#utf8.decode(joined, { stream: true })) + this.flush()
  }

  /** Bytes of the next id, undefined when it is left out. */
  #take(id: number): Uint8Array | undefined {
    if (this.#skipSpecial && this.#bytes.skips(id)) return undefined
    const token = this.#dropsRepeats ? this.#bytes.tokenOf(id) : undefined
    if (token !== undefined && token === this.#previous) return undefined
    this.#previous = token
    const isFirst = this.#isFirst
    this.#isFirst = false
    return this.#bytes.of(id, isFirst)
  }

  #trim(text: string): string {
    return this.#filters.reduce((rest, filter) => filter.push(rest), text)
  }
}
