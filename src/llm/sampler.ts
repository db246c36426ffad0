import { Rng, type SamplingOptions } from '../core/index.ts'
import { likeliest, nucleus } from './candidates.ts'

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
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
}

/**
 * Draws the tokens of one sequence. Penalties and biases come first, then the temperature, topK, topP, minP, and a draw among what is
 * left. With temperature 0 it takes the largest logit, the first among equals.
 */
export class Sampler {
  readonly #sampling: Sampling
  readonly #rng: Rng
  readonly #bias: LogitBias
  /** Tokens of the prompt and the answer. */
  readonly #seen = new Set<number>()
  /** How often each token is in the answer. */
  readonly #generated = new Map<number, number>()
  #adjusted = new Float32Array(0)
  #weights = new Float64Array(0)

  constructor(sampling: Sampling, seed: number, prompt: readonly number[], bias: LogitBias = new Map()) {
    this.#sampling = sampling
    this.#bias = bias
    this.#rng = new Rng(seed)
    if (sampling.repetitionPenalty !== 1) for (const token of prompt) this.#seen.add(token)
  }

  /** The next token for logits `[vocabulary]`, which are left as they are; it is remembered for the penalties. */
  next(logits: Float32Array): number {
    const token = this.#draw(this.#penalised(logits))
    if (this.#sampling.repetitionPenalty !== 1) this.#seen.add(token)
    if (this.#hasCounts()) this.#generated.set(token, (this.#generated.get(token) ?? 0) + 1)
    return token
  }

  #hasCounts(): boolean {
    return this.#sampling.frequencyPenalty !== 0 || this.#sampling.presencePenalty !== 0
  }

  #penalised(logits: Float32Array): Float32Array {
    const { repetitionPenalty, frequencyPenalty, presencePenalty } = this.#sampling
    if (this.#seen.size === 0 && this.#generated.size === 0 && this.#bias.size === 0) return logits
    if (this.#adjusted.length !== logits.length) this.#adjusted = new Float32Array(logits.length)
    const adjusted = this.#adjusted
    adjusted.set(logits)
    for (const token of this.#seen)
      adjusted[token] = adjusted[token]! > 0 ? adjusted[token]! / repetitionPenalty : adjusted[token]! * repetitionPenalty
    for (const [token, count] of this.#generated) adjusted[token]! -= count * frequencyPenalty + presencePenalty
    for (const [token, bias] of this.#bias) adjusted[token]! += bias
    return adjusted
  }

  #draw(logits: Float32Array): number {
    const { temperature, topK, topP, minP } = this.#sampling
    const best = argmax(logits)
    if (temperature === 0 || topK === 1) return best
    // A temperature so small that differences overflow is greedy too.
    const scale = Math.min(1 / temperature, 1e30)
    const largest = logits[best]!
    let candidates = topK > 0 && topK < logits.length ? likeliest(logits, topK) : undefined
    if (topP < 1) candidates = nucleus(logits, largest, scale, topP, candidates)
    const floor = minP > 0 ? largest + Math.log(minP) / scale : -Infinity
    return this.#choose(logits, largest, scale, floor, candidates) ?? best
  }

  /** Draws a candidate, all tokens by default, with weight exp(scale · (logit − largest)); those below `floor` have none. */
  #choose(logits: Float32Array, largest: number, scale: number, floor: number, candidates: Uint32Array | undefined): number | undefined {
    const count = candidates?.length ?? logits.length
    if (this.#weights.length < count) this.#weights = new Float64Array(count)
    let total = 0
    for (let i = 0; i < count; i++) {
      const logit = logits[candidates ? candidates[i]! : i]!
      const weight = logit >= floor ? Math.exp((logit - largest) * scale) : 0
      this.#weights[i] = weight
      total += weight
    }
    let left = this.#rng.uniform() * total
    let last: number | undefined
    for (let i = 0; i < count; i++) {
      const weight = this.#weights[i]!
      if (!(weight > 0)) continue
      last = candidates ? candidates[i]! : i
      left -= weight
      if (left < 0) break
    }
    return last
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
