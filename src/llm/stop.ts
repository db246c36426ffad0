/**
 * Stop texts as an automaton: reading a character takes the same short time however many texts there are.
 * Source: Aho & Corasick, "Efficient string matching" (1975).
 */
export class StopTexts {
  readonly count: number
  /** The state after a UTF-16 unit, by state · 65,536 + unit. */
  readonly #next = new Map<number, number>()
  /** The state of the longest shorter end of what a state has read that begins a stop text. */
  readonly #shorter: Int32Array
  /** Units a state has read of a stop text. */
  readonly #depth: Int32Array
  /** Number of the longest stop text that ends in a state; −1 for none. */
  readonly #found: Int32Array
  readonly #texts: readonly string[]

  /** @param texts - not empty strings */
  constructor(texts: readonly string[]) {
    this.#texts = [...texts]
    this.count = texts.length
    const most = texts.reduce((sum, text) => sum + text.length, 1)
    this.#shorter = new Int32Array(most)
    this.#depth = new Int32Array(most)
    this.#found = new Int32Array(most).fill(-1)
    const added = this.#addTexts()
    // In the order of their depth: what is shorter is known when what is longer comes.
    for (const { state, parent, unit } of added.sort((a, b) => this.#depth[a.state]! - this.#depth[b.state]!)) {
      const shorter = parent === 0 ? 0 : this.#step(this.#shorter[parent]!, unit)
      this.#shorter[state] = shorter
      if (this.#found[state]! < 0) this.#found[state] = this.#found[shorter]!
    }
  }

  #addTexts(): { readonly state: number; readonly parent: number; readonly unit: number }[] {
    const added: { state: number; parent: number; unit: number }[] = []
    for (const [number, text] of this.#texts.entries()) {
      let parent = 0
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i)
        const key = parent * 65_536 + unit
        let state = this.#next.get(key)
        if (state === undefined) {
          state = added.length + 1
          this.#next.set(key, state)
          this.#depth[state] = i + 1
          added.push({ state, parent, unit })
        }
        parent = state
      }
      if (this.#found[parent]! < 0) this.#found[parent] = number
    }
    return added
  }

  #step(from: number, unit: number): number {
    for (let state = from; ; state = this.#shorter[state]!) {
      const next = this.#next.get(state * 65_536 + unit)
      if (next !== undefined) return next
      if (state === 0) return 0
    }
  }

  /** The state after `unit`; states begin at 0. */
  read(state: number, unit: number): number {
    return this.count === 0 ? 0 : this.#step(state, unit)
  }

  /** Units at the end of what was read that may begin a stop text. */
  held(state: number): number {
    return this.#depth[state]!
  }

  /** The longest stop text that ends here. */
  foundIn(state: number): string | undefined {
    const number = this.#found[state]!
    return number < 0 ? undefined : this.#texts[number]!
  }
}

let latest: WeakRef<{ readonly texts: readonly string[]; readonly compiled: StopTexts }> | undefined

/** {@link StopTexts} of these texts; answers to one request share one. */
export function stopTexts(texts: readonly string[]): StopTexts {
  const known = latest?.deref()
  if (known && known.texts.length === texts.length && known.texts.every((text, i) => text === texts[i])) return known.compiled
  const compiled = new StopTexts(texts)
  latest = new WeakRef({ texts: [...texts], compiled })
  return compiled
}

/** What is certain of a text. */
export interface WatchedText {
  readonly text: string
  /** The stop text that is complete now, which is no part of `text`. */
  readonly stop: string | undefined
}

/**
 * Watches a stream of text for texts that end it: the one that is complete first, of those the longest. What may be the
 * beginning of one is held back until that is decided.
 */
export class StopWatch {
  readonly #stops: StopTexts
  #state = 0
  #held = ''

  constructor(stops: StopTexts) {
    this.#stops = stops
  }

  push(text: string): WatchedText {
    if (this.#stops.count === 0) return { text, stop: undefined }
    const all = this.#held + text
    for (let i = this.#held.length; i < all.length; i++) {
      this.#state = this.#stops.read(this.#state, all.charCodeAt(i))
      const stop = this.#stops.foundIn(this.#state)
      if (stop === undefined) continue
      this.#held = ''
      this.#state = 0
      return { text: all.slice(0, i + 1 - stop.length), stop }
    }
    const end = all.length - this.#stops.held(this.#state)
    this.#held = all.slice(end)
    return { text: all.slice(0, end), stop: undefined }
  }

  /** What was held back, when the stream ends otherwise. */
  flush(): string {
    const rest = this.#held
    this.#held = ''
    this.#state = 0
    return rest
  }
}
