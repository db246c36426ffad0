import { Rng, type SamplingOptions } from '../core/index.ts'
import { Candidates } from './candidates.ts'
import type { LogitsRule } from './logits-rules.ts'

/** Every number that decides how tokens are drawn. */
export type Sampling = Readonly<Required<{ [Name in Exclude<keyof SamplingOptions, 'seed'>]: number }>>

/** What is added to the logits of tokens, by id. */
export type LogitBias = ReadonlyMap<number, number>

/**
 * How tokens are drawn when neither the caller nor the model's files say. Source: the defaults users of GGUF files know
 * from llama.cpp.
 */
export const DEFAULT_SAMPLING: Sampling = {
  temperature: 0.8,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  typicalP: 1,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
}

/** What a sequence's tokens are drawn by. */
export interface SamplerOptions {
  readonly sampling: Sampling
  readonly seed: number
  readonly prompt: readonly number[]
  readonly bias?: LogitBias
  /** Applied last: what they forbid, no bias brings back. They are given the tokens of prompt and answer. */
  readonly rules?: readonly LogitsRule[]
}

/** Draws never overlap, so all samplers share this memory. */
const candidates = new Candidates()
let scratch = new Float32Array(0)

/**
 * Draws the tokens of one sequence. Penalties, biases and rules come first, then the temperature, topK, topP, minP, typicalP, and
 * a draw among what is left. With temperature 0 it takes the largest logit, the first among equals. What it draws depends on
 * nothing but the logits, the options and how many tokens it drew before.
 */
export class Sampler {
  readonly #sampling: Sampling
  readonly #rng: Rng
  readonly #bias: LogitBias
  readonly #rules: readonly LogitsRule[]
  /** Tokens of the prompt and the answer, for the rules. */
  readonly #tokens: number[]
  /** Tokens of the prompt and the answer, each once. */
  readonly #seen = new Set<number>()
  /** How often each token is in the answer. */
  readonly #generated = new Map<number, number>()

  constructor({ sampling, seed, prompt, bias = new Map(), rules = [] }: SamplerOptions) {
    this.#sampling = sampling
    this.#bias = bias
    this.#rules = rules
    this.#rng = new Rng(seed)
    this.#tokens = rules.length > 0 ? [...prompt] : []
    if (sampling.repetitionPenalty !== 1) for (const token of prompt) this.#seen.add(token)
  }

  /**
   * The next token for logits `[vocabulary]`, which are left as they are; it is remembered for the penalties.
   *
   * @param likeliest - ids of some of the largest logits, largest first, where they are known; they change nothing but the time
   * @returns undefined when the rules forbid every token
   */
  next(logits: Float32Array, likeliest?: Int32Array): number | undefined {
    const adjusted = this.#adjusted(logits)
    // What counts NaN as the largest knows nothing of use.
    const isOfUse = adjusted === logits && likeliest !== undefined && !Number.isNaN(logits[likeliest[0]!]!)
    const token = this.#draw(adjusted, isOfUse ? likeliest : undefined)
    if (token === undefined) return undefined
    if (this.#sampling.repetitionPenalty !== 1) this.#seen.add(token)
    if (this.#hasCounts()) this.#generated.set(token, (this.#generated.get(token) ?? 0) + 1)
    if (this.#rules.length > 0) this.#tokens.push(token)
    return token
  }

  #hasCounts(): boolean {
    return this.#sampling.frequencyPenalty !== 0 || this.#sampling.presencePenalty !== 0
  }

  #adjusted(logits: Float32Array): Float32Array {
    const { repetitionPenalty, frequencyPenalty, presencePenalty } = this.#sampling
    if (this.#seen.size === 0 && this.#generated.size === 0 && this.#bias.size === 0 && this.#rules.length === 0) return logits
    if (scratch.length !== logits.length) scratch = new Float32Array(logits.length)
    const adjusted = scratch
    adjusted.set(logits)
    for (const token of this.#seen)
      adjusted[token] = adjusted[token]! > 0 ? adjusted[token]! / repetitionPenalty : adjusted[token]! * repetitionPenalty
    for (const [token, count] of this.#generated) adjusted[token]! -= count * frequencyPenalty + presencePenalty
    for (const [token, bias] of this.#bias) adjusted[token]! += bias
    for (const rule of this.#rules) rule(adjusted, this.#tokens)
    return adjusted
  }

  #draw(logits: Float32Array, likeliest: Int32Array | undefined): number | undefined {
    const { temperature, topK, topP, minP, typicalP } = this.#sampling
    const best = likeliest?.[0] ?? argmax(logits)
    const largest = logits[best]!
    if (this.#rules.length > 0 && largest === -Infinity) return undefined
    if (temperature === 0 || topK === 1) return best
    // A temperature so small that differences overflow is greedy too.
    const scale = Math.min(1 / temperature, 1e30)
    candidates.take(logits, { largest, scale, topK, topP, minP, typicalP, likeliest })
    return candidates.pick(this.#rng.uniform()) ?? best
  }
}

/** Index of the largest number, the first among equals; NaN is never the largest. */
export function argmax(values: Float32Array): number {
  let best = 0
  let largest = -Infinity
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value > largest) {
      largest = value
      best = i
    }
  }
  return best
}
