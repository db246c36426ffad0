import type { Substitution, TextFilter, Trim } from './decoders.ts'

/** A change of text that arrives in parts; what might still change is held back. */
export interface StreamingFilter {
  push(text: string): string
  /** The rest; the filter then begins anew. */
  flush(): string
}

/** A filter as it runs over a stream. */
export function streamingFilter(filter: TextFilter): StreamingFilter {
  return 'literal' in filter ? new Substituter(filter) : new Trimmer(filter)
}

/** A {@link Trim} over text that arrives in parts; what might be trimmed from the end is held back. */
class Trimmer implements StreamingFilter {
  readonly #trim: Trim
  #start: number
  #held = ''

  constructor(trim: Trim) {
    this.#trim = trim
    this.#start = trim.start
  }

  push(text: string): string {
    if (text === '') return ''
    const { character, stop } = this.#trim
    const width = character.length
    let from = 0
    while (this.#start > 0 && text.startsWith(character, from)) {
      from += width
      this.#start--
    }
    if (from < text.length) this.#start = 0
    const all = this.#held + text.slice(from)
    let end = all.length
    for (let i = 0; i < stop && end >= width && all.endsWith(character, end); i++) end -= width
    this.#held = all.slice(end)
    return all.slice(0, end)
  }

  /** What is still held would end the text, so it is dropped. */
  flush(): string {
    this.#start = this.#trim.start
    this.#held = ''
    return ''
  }
}

/** Holds back what may begin the text that is replaced. */
class Substituter implements StreamingFilter {
  readonly #literal: string
  readonly #content: string
  #held = ''

  constructor({ literal, content }: Substitution) {
    this.#literal = literal
    this.#content = content
  }

  push(text: string): string {
    if (text === '') return ''
    const parts = (this.#held + text).split(this.#literal)
    const rest = parts.pop()!
    let held = Math.min(rest.length, this.#literal.length - 1)
    while (held > 0 && !this.#literal.startsWith(rest.slice(rest.length - held))) held--
    this.#held = rest.slice(rest.length - held)
    return [...parts, rest.slice(0, rest.length - held)].join(this.#content)
  }

  flush(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }
}
