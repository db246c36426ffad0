/**
 * Watches a stream of text for texts that end it. What may be the beginning of one is held back until that is decided.
 */
export class StopWatch {
  readonly #stops: readonly string[]
  #held = ''

  /** @param stops - not empty strings */
  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  /** The text that is certain now; `isStopped` once a stop text was complete, which is never part of the text. */
  push(text: string): { readonly text: string; readonly isStopped: boolean } {
    if (this.#stops.length === 0) return { text, isStopped: false }
    const all = this.#held + text
    const found = this.#stops.map(stop => all.indexOf(stop)).filter(at => at >= 0)
    if (found.length > 0) {
      this.#held = ''
      return { text: all.slice(0, Math.min(...found)), isStopped: true }
    }
    const end = all.length - Math.max(...this.#stops.map(stop => overlap(all, stop)))
    this.#held = all.slice(end)
    return { text: all.slice(0, end), isStopped: false }
  }

  /** What was held back, when the stream ends otherwise. */
  flush(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }
}

/** Length of the longest end of `text` that is a beginning of `stop`, but not all of it. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) if (text.endsWith(stop.slice(0, length))) return length
  return 0
}
