import type { StepActivity } from '../core/index.ts'
import type { BatchSlice } from './batch.ts'
import type { DecoderConfig } from './decoder-config.ts'

/** Upper bounds of buckets of tokens, as vLLM has them. */
const TOKEN_BOUNDS = [1, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384] as const
/** Share of earlier steps that counts beside a new one in what is told of the last steps. */
const MEMORY = 0.95

/** What a step reads. */
export interface StepReads {
  /** Matrices that a step of one token reads. */
  readonly weightBytes: number
  /** Keys and values of one token, in all layers. */
  readonly kvBytesPerToken: number
}

/** Counts what steps computed and how long that took. */
export class StepTally {
  readonly #reads: StepReads
  /** Newest keys that layers see, and how many of all keys are theirs. */
  readonly #windows: readonly { readonly window: number; readonly share: number }[]
  readonly #counts: number[] = TOKEN_BOUNDS.map(() => 0)
  #beyond = 0
  #tokens = 0
  #ms = 0
  #readBytes = 0
  #lastMs = 0
  #lastBytes = 0

  constructor({ layers }: Pick<DecoderConfig, 'layers'>, reads: StepReads) {
    this.#reads = reads
    const sizes = new Map<number, number>()
    for (const { mixer } of layers) {
      if (mixer.kind !== 'attention') continue
      const window = mixer.window ?? Number.POSITIVE_INFINITY
      sizes.set(window, (sizes.get(window) ?? 0) + mixer.kvHeads * mixer.headDim)
    }
    const all = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    this.#windows = [...sizes].map(([window, size]) => ({ window, share: size / all }))
  }

  get activity(): StepActivity {
    return {
      tokenBuckets: [...TOKEN_BOUNDS.map((most, i) => ({ most, steps: this.#counts[i]! })), { most: null, steps: this.#beyond }],
      tokens: this.#tokens,
      computeMs: this.#ms,
      readBytes: this.#readBytes,
      readBytesPerSecond: this.#lastMs > 0 ? (this.#lastBytes * 1_000) / this.#lastMs : 0,
    }
  }

  /** A step of these slices was computed in so many milliseconds. */
  count(slices: readonly BatchSlice[], ms: number): void {
    const tokens = slices.reduce((sum, { count }) => sum + count, 0)
    const bucket = TOKEN_BOUNDS.findIndex(most => tokens <= most)
    if (bucket < 0) this.#beyond++
    else this.#counts[bucket]!++
    const bytes = this.#bytesOf(slices)
    this.#tokens += tokens
    this.#ms += ms
    this.#readBytes += bytes
    this.#lastMs = MEMORY * this.#lastMs + ms
    this.#lastBytes = MEMORY * this.#lastBytes + bytes
  }

  /** Every matrix once, and of each sequence the keys and values that its last token sees once. */
  #bytesOf(slices: readonly BatchSlice[]): number {
    let seen = 0
    for (const { start, count } of slices) for (const { window, share } of this.#windows) seen += share * Math.min(start + count, window)
    return this.#reads.weightBytes + seen * this.#reads.kvBytesPerToken
  }
}
