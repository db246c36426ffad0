/** How often a process looks whether it gets to run. */
const LOOK_MS = 250

interface Pause {
  readonly endedAt: number
  readonly ms: number
}

/**
 * Knows when this process could not listen, because it was stopped, or busy, or its machine was. What others sent meanwhile lies
 * unread, and what they had yet to send had no room, so such time is not theirs.
 */
export class Pauses {
  readonly #longestMs: number
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout
  readonly #pauses: Pause[] = []
  #lookedAt: number

  /** @param longestMs - the most that {@link spanOf} is asked for */
  constructor(longestMs: number, now: () => number = () => performance.now()) {
    this.#longestMs = longestMs
    this.#now = now
    this.#lookedAt = now()
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref()
  }

  /** How long ago `ms` milliseconds of listening began: `ms`, and the pauses since. */
  spanOf(ms: number): number {
    this.look()
    let span = ms
    for (let i = this.#pauses.length - 1; i >= 0 && this.#age(i) < span; i--) span += this.#pauses[i]!.ms
    return span
  }

  /** Looks whether there was a pause since it looked last. */
  look(): void {
    const now = this.#now()
    const late = now - this.#lookedAt - LOOK_MS
    this.#lookedAt = now
    if (late < LOOK_MS) return
    this.#pauses.push({ endedAt: now, ms: late })
    while (this.#age(0) >= this.spanOf(this.#longestMs)) this.#pauses.shift()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #age(index: number): number {
    return this.#lookedAt - this.#pauses[index]!.endedAt
  }
}
