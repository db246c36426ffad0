import { Rng } from '../../core/index.ts'
import type { ApproximateAnswer } from './approximate-answer.ts'
import type { Evidence } from './evidence.ts'
import type { BayesianNetwork } from './network.ts'
import { findRelevant } from './relevance.ts'
import type { Steps } from './steps.ts'

/** How much to sample. */
export interface SamplingLimits {
  readonly samples: number
  readonly seed: number
}

/** Samples between two points where the work may be interrupted. */
const BATCH = 512

/**
 * Likelihood weighting: draws every free variable given its parents, and weighs the sample by how likely it makes the findings.
 *
 * Source: Fung & Chang (1990); Shachter & Peot (1990).
 */
export function* weighLikelihoods(
  network: BayesianNetwork,
  evidence: Evidence,
  targets: readonly number[],
  { samples, seed }: SamplingLimits,
): Steps<ApproximateAnswer> {
  const sampler = new ForwardSampler(network, evidence, findRelevant(network, evidence, targets).ancestral, new Rng(seed))
  const cards = targets.map(target => network.variables[target]!.states.length)
  const sums = cards.map(card => new Float64Array(card))
  const squares = cards.map(card => new Float64Array(card))
  // Weights are kept relative to the largest one met, so that those of many findings do not underflow.
  let logScale = Number.NEGATIVE_INFINITY
  let total = 0
  let totalSquares = 0
  for (let i = 0; i < samples; i++) {
    const logWeight = sampler.draw()
    if (logWeight > Number.NEGATIVE_INFINITY) {
      if (logWeight > logScale) {
        const factor = Math.exp(logScale - logWeight)
        for (const table of sums) for (let s = 0; s < table.length; s++) table[s]! *= factor
        for (const table of squares) for (let s = 0; s < table.length; s++) table[s]! *= factor * factor
        total *= factor
        totalSquares *= factor * factor
        logScale = logWeight
      }
      const weight = Math.exp(logWeight - logScale)
      total += weight
      totalSquares += weight * weight
      for (let t = 0; t < targets.length; t++) {
        const state = sampler.states[targets[t]!]!
        sums[t]![state]! += weight
        squares[t]![state]! += weight * weight
      }
    }
    if (i % BATCH === BATCH - 1) yield
  }
  const effectiveSampleSize = totalSquares === 0 ? 0 : total ** 2 / totalSquares
  const meanWeight = total / samples
  return {
    posteriors: sums.map(table => table.map(sum => sum / total)),
    errors: sums.map((table, t) => table.map((sum, s) => ratioError(sum, squares[t]![s]!, total, totalSquares))),
    logEvidence: total === 0 ? Number.NEGATIVE_INFINITY : logScale + Math.log(meanWeight),
    diagnostics: {
      seed,
      samples,
      effectiveSampleSize,
      logEvidenceError: total === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(Math.max(0, totalSquares / total ** 2 - 1 / samples)),
    },
  }
}

/** Standard error of a weighted share. A state that was met always or never still may be otherwise as often as the samples are few. */
function ratioError(sum: number, squares: number, total: number, totalSquares: number): number {
  if (total === 0) return 1
  const p = sum / total
  const delta = Math.sqrt(Math.max(0, (1 - p) ** 2 * squares + p ** 2 * (totalSquares - squares))) / total
  const effective = total ** 2 / totalSquares
  const smoothed = (p * effective + 1) / (effective + 2)
  return squares === 0 || squares === totalSquares ? Math.sqrt((smoothed * (1 - smoothed)) / (effective + 2)) : delta
}

/** Draws samples of some families, parents before children. */
export class ForwardSampler {
  /** By variable: its state in the last sample. */
  readonly states: Int32Array
  readonly #order: readonly { readonly index: number; readonly cpt: Float64Array; readonly card: number }[]
  readonly #parents: readonly Int32Array[]
  readonly #cards: Int32Array
  readonly #isKnown: Uint8Array
  readonly #likelihoods: readonly (Float64Array | undefined)[]
  readonly #rng: Rng

  constructor(network: BayesianNetwork, { states, likelihoods }: Evidence, families: Uint8Array, rng: Rng) {
    this.states = Int32Array.from(states)
    const order = network.order.filter(variable => families[variable] === 1).map(variable => network.variables[variable]!)
    this.#order = order.map(({ index, cpt, states: own }) => ({ index, cpt, card: own.length }))
    this.#parents = order.map(({ parents }) => Int32Array.from(parents))
    this.#cards = Int32Array.from(network.variables, variable => variable.states.length)
    this.#isKnown = Uint8Array.from(states, state => (state >= 0 ? 1 : 0))
    this.#likelihoods = order.map(({ index }) => likelihoods.get(index))
    this.#rng = rng
  }

  /** Draws a sample. Returns the logarithm of its weight. */
  draw(): number {
    const { states } = this
    let logWeight = 0
    let weight = 1
    for (let i = 0; i < this.#order.length; i++) {
      const { index, cpt, card } = this.#order[i]!
      const parents = this.#parents[i]!
      let row = 0
      for (let k = 0; k < parents.length; k++) row = row * this.#cards[parents[k]!]! + states[parents[k]!]!
      row *= card
      if (this.#isKnown[index] === 1) weight *= cpt[row + states[index]!]!
      else {
        states[index] = pick(cpt, row, card, this.#rng.uniform())
        const likelihood = this.#likelihoods[i]
        if (likelihood) weight *= likelihood[states[index]!]!
      }
      if (weight < 1e-200) {
        if (weight === 0) return Number.NEGATIVE_INFINITY
        logWeight += Math.log(weight)
        weight = 1
      }
    }
    return logWeight + Math.log(weight)
  }
}

/** The state at which the running sum of a row passes `u` in [0, 1). */
export function pick(table: Float64Array, row: number, card: number, u: number): number {
  let rest = u
  let last = 0
  for (let s = 0; s < card; s++) {
    const p = table[row + s]!
    if (p === 0) continue
    rest -= p
    last = s
    if (rest < 0) break
  }
  return last
}
