import { KV_BLOCK_TOKENS } from '../program/index.ts'

/** Share of what was measured before that counts beside a new measurement. */
const MEMORY = 0.8

/**
 * Without a target of the caller's, a step with prompts takes so many times what one without takes: who reads an answer being
 * written hardly notices. Within bounds: less than the one is of no use to anybody, more than the other is a stall.
 */
const STRETCH = 2
const [LEAST_MS, MOST_MS] = [20, 100] as const

/** What a step was made of, and how long it took. */
export interface MeasuredStep {
  readonly ms: number
  readonly promptTokens: number
}

/**
 * How many tokens of prompts a step takes while answers are being written, so that none of them waits longer than a target
 * for its next token. Prompts are cut by time because the same number of tokens takes a thousand times longer on one model and
 * machine than on another.
 */
export class StepBudget {
  readonly #stallMs: number | undefined
  /** A step without prompts. */
  #baseMs: number | undefined
  /** Sums over the last steps with prompts, older ones counting less: a few tokens alone say little about many. */
  #promptMs = 0
  #promptTokens = 0

  /** @param stallMs - a step should take no longer */
  constructor(stallMs?: number) {
    this.#stallMs = stallMs
  }

  observe({ ms, promptTokens }: MeasuredStep): void {
    if (promptTokens === 0) {
      this.#baseMs = this.#baseMs === undefined ? ms : MEMORY * this.#baseMs + (1 - MEMORY) * ms
      return
    }
    this.#promptMs = MEMORY * this.#promptMs + Math.max(0, ms - (this.#baseMs ?? 0))
    this.#promptTokens = MEMORY * this.#promptTokens + promptTokens
  }

  /** Tokens of prompts beside sequences that go on; a block at least, so that prompts come to an end whatever the target. */
  get promptTokens(): number {
    if (this.#promptTokens === 0) return KV_BLOCK_TOKENS
    const baseMs = this.#baseMs ?? 0
    const stallMs = this.#stallMs ?? Math.min(MOST_MS, Math.max(LEAST_MS, STRETCH * baseMs))
    const left = Math.max(0, stallMs - baseMs)
    const tokenMs = Math.max(1e-9, this.#promptMs / this.#promptTokens)
    return Math.max(KV_BLOCK_TOKENS, Math.floor(left / tokenMs))
  }
}
