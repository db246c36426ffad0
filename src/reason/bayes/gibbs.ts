import { HenceError, Rng } from '../../core/index.ts'
import type { ApproximateAnswer } from './approximate-answer.ts'
import type { Evidence } from './evidence.ts'
import { ForwardSampler, pick, type SamplingLimits } from './likelihood-weighting.ts'
import type { BayesianNetwork } from './network.ts'
import { findRelevant } from './relevance.ts'
import type { Steps } from './steps.ts'
import { buildSubproblem, type Subproblem } from './subproblem.ts'

const CHAINS = 4
/** The share of every chain that is thrown away. */
const BURN_IN = 0.2
/** Batches of a chain whose means tell how far samples depend on each other. */
const BATCHES = 25
/** Starting points are drawn forward until one is possible. */
const MAX_STARTS = 1000

/**
 * Gibbs sampling: four chains that draw one variable after the other given all others. Refused where a table has a zero: chains
 * could then be locked into a part of the states without any sign of it.
 *
 * Source: Geman & Geman (1984); Gelman & Rubin (1992), split chains after Gelman et al., "Bayesian Data Analysis" (2013).
 *
 * @throws HenceError `OPTION_INVALID` naming a variable with a zero
 */
export function* sampleGibbs(
  network: BayesianNetwork,
  evidence: Evidence,
  targets: readonly number[],
  { samples, seed }: SamplingLimits,
): Steps<ApproximateAnswer> {
  const { ancestral } = findRelevant(network, evidence, targets)
  const problem = buildSubproblem(network, evidence, ancestral)
  refuseZeros(network, problem)
  const rng = new Rng(seed)
  const conditionals = conditionalsOf(problem)
  const cards = targets.map(target => network.variables[target]!.states.length)
  const perChain = Math.max(2 * BATCHES, Math.ceil(samples / CHAINS))
  const batchSize = Math.ceil(perChain / BATCHES)
  // [chain][batch] of counts for every state of every target.
  const counts: Float64Array[][][] = []
  for (let chain = 0; chain < CHAINS; chain++) {
    const states = start(network, evidence, ancestral, problem, rng)
    const batches = Array.from({ length: BATCHES }, () => cards.map(card => new Float64Array(card)))
    counts.push(batches)
    const burnIn = Math.ceil((BATCHES * batchSize * BURN_IN) / (1 - BURN_IN))
    for (let sweep = -burnIn; sweep < BATCHES * batchSize; sweep++) {
      sweepOnce(states, problem, conditionals, rng)
      if (sweep >= 0) {
        const tables = batches[Math.floor(sweep / batchSize)]!
        for (const [t, target] of targets.entries()) {
          const local = problem.localOf[target]!
          tables[t]![local < 0 ? evidence.states[target]! : states[local]!]!++
        }
      }
      if (sweep % 64 === 0) yield
    }
  }
  const perTarget = cards.map((card, t) =>
    Array.from({ length: card }, (_, s) =>
      diagnose(
        counts.map(batches => batches.map(tables => tables[t]![s]! / batchSize)),
        batchSize,
      ),
    ),
  )
  const all = perTarget.flat()
  return {
    posteriors: perTarget.map(states => Float64Array.from(states, ({ mean }) => mean)),
    errors: perTarget.map(states => Float64Array.from(states, ({ error }) => error)),
    logEvidence: Number.NaN,
    diagnostics: {
      seed,
      samples: CHAINS * BATCHES * batchSize,
      effectiveSampleSize: all.reduce((least, { effective }) => Math.min(least, effective), CHAINS * BATCHES * batchSize),
      rHat: all.reduce((most, { rHat }) => Math.max(most, rHat), 1),
    },
  }
}

/** A factor seen from one of its variables. */
interface Conditional {
  readonly table: Float64Array
  /** Distance between two states of the variable itself. */
  readonly stride: number
  readonly others: Int32Array
  readonly otherStrides: Int32Array
}

function conditionalsOf({ cards, factors }: Subproblem): Conditional[][] {
  const conditionals: Conditional[][] = Array.from(cards, () => [])
  for (const { scope, table } of factors) {
    const strides = scope.map((_, i) => scope.slice(i + 1).reduce((product, variable) => product * cards[variable]!, 1))
    for (const [i, variable] of scope.entries())
      conditionals[variable]!.push({
        table,
        stride: strides[i]!,
        others: Int32Array.from(scope.filter((_, k) => k !== i)),
        otherStrides: Int32Array.from(strides.filter((_, k) => k !== i)),
      })
  }
  return conditionals
}

function sweepOnce(states: Int32Array, { cards }: Subproblem, conditionals: readonly (readonly Conditional[])[], rng: Rng): void {
  for (let variable = 0; variable < states.length; variable++) {
    const card = cards[variable]!
    const weights = new Float64Array(card).fill(1)
    for (const { table, stride, others, otherStrides } of conditionals[variable]!) {
      let at = 0
      for (let k = 0; k < others.length; k++) at += states[others[k]!]! * otherStrides[k]!
      for (let s = 0; s < card; s++) weights[s]! *= table[at + s * stride]!
    }
    let sum = 0
    for (let s = 0; s < card; s++) sum += weights[s]!
    states[variable] = pick(weights, 0, card, rng.uniform() * sum)
  }
}

function start(network: BayesianNetwork, evidence: Evidence, families: Uint8Array, { variables }: Subproblem, rng: Rng): Int32Array {
  const sampler = new ForwardSampler(network, evidence, families, rng)
  for (let tries = 0; tries < MAX_STARTS; tries++) if (sampler.draw() > Number.NEGATIVE_INFINITY) break
  return Int32Array.from(variables, variable => sampler.states[variable]!)
}

function refuseZeros(network: BayesianNetwork, { variables, factors }: Subproblem): void {
  const zero = factors.find(({ scope, table }) => scope.length > 1 && table.includes(0))
  if (!zero) return
  const names = zero.scope.map(local => network.variables[variables[local]!]!.name)
  throw new HenceError('OPTION_INVALID', `Gibbs sampling needs tables without zeros, and one over ${names.join(', ')} has one`, {
    variables: names,
    hint: "Take { method: 'lw' }, which needs no such thing.",
  })
}

/** Mean of a share over all chains, its standard error from the means of batches, and R-hat over half chains. */
function diagnose(
  chains: readonly (readonly number[])[],
  batchSize: number,
): { mean: number; error: number; effective: number; rHat: number } {
  const batches = chains.flat()
  const mean = average(batches)
  const variance = batches.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (batches.length - 1)
  const count = batches.length * batchSize
  const own = mean * (1 - mean)
  const smoothed = (mean * count + 1) / (count + 2)
  const error = Math.max(Math.sqrt(variance / batches.length), Math.sqrt((smoothed * (1 - smoothed)) / count))
  const half = Math.floor(BATCHES / 2)
  const halves = chains.flatMap(chain => [chain.slice(0, half), chain.slice(-half)])
  const means = halves.map(average)
  const length = half * batchSize
  const between = (length * means.reduce((sum, value) => sum + (value - mean) ** 2, 0)) / (halves.length - 1)
  const rHat = own === 0 ? 1 : Math.sqrt((length - 1) / length + between / (length * own))
  return { mean, error, effective: own === 0 ? count : Math.min(count, own / error ** 2), rHat }
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
