/** Small random Bayesian networks, and answers about them by going through every combination of states. */
import { type DiscreteNetworkDescription, Rng } from '../src/core/index.ts'
import type { BayesianNetwork } from '../src/reason/index.ts'

/** What a random network is like. */
export interface RandomNetworkOptions {
  readonly seed: number
  readonly variables: number
  readonly maxStates?: number
  readonly maxParents?: number
  /** Probability of an entry being zero; a row keeps at least one that is not. */
  readonly zeros?: number
}

export function randomNetwork({
  seed,
  variables,
  maxStates = 3,
  maxParents = 3,
  zeros = 0,
}: RandomNetworkOptions): DiscreteNetworkDescription {
  const rng = new Rng(seed)
  const cards = Array.from({ length: variables }, () => 1 + rng.below(maxStates))
  return {
    name: `random ${seed}`,
    variables: cards.map((card, v) => {
      const parents = [...new Set(Array.from({ length: rng.below(Math.min(v, maxParents) + 1) }, () => rng.below(v)))]
      const rows = parents.reduce((product, parent) => product * cards[parent]!, 1)
      const table = Array.from({ length: rows }, () => {
        const kept = rng.below(card)
        const row = Array.from({ length: card }, (_, s) => (s !== kept && rng.uniform() < zeros ? 0 : 0.02 + rng.uniform()))
        const sum = row.reduce((a, b) => a + b)
        return row.map(p => p / sum)
      })
      return {
        name: `v${v}`,
        states: Array.from({ length: card }, (_, s) => `s${s}`),
        parents: parents.map(parent => `v${parent}`),
        table: table.flat(),
      }
    }),
  }
}

/** Findings for some variables: a state, or likelihoods. */
export function randomFindings(network: BayesianNetwork, seed: number, share: number): Record<string, string | number[]> {
  const rng = new Rng(seed)
  const findings: Record<string, string | number[]> = {}
  for (const { name, states } of network.variables) {
    if (rng.uniform() >= share) continue
    if (rng.uniform() < 0.7) findings[name] = states[rng.below(states.length)]!
    else findings[name] = states.map((_, s) => (s > 0 && rng.uniform() < 0.2 ? 0 : 0.1 + rng.uniform()))
  }
  return findings
}

/** One combination of states with its weight: probability times likelihoods. */
export interface WeightedState {
  readonly states: readonly number[]
  readonly weight: number
}

/** All combinations that findings and interventions leave over, with their weights. */
export function enumerateStates(
  { variables, order }: BayesianNetwork,
  given: Readonly<Record<string, string | readonly number[]>> = {},
  done: Readonly<Record<string, string>> = {},
): WeightedState[] {
  const found: WeightedState[] = []
  const states = variables.map(() => 0)
  const visit = (place: number, weight: number): void => {
    const index = order[place]
    if (index === undefined) {
      found.push({ states: [...states], weight })
      return
    }
    const { name, states: names, parents, cpt } = variables[index]!
    const row = parents.reduce((at, parent) => at * variables[parent]!.states.length + states[parent]!, 0) * names.length
    const finding = given[name]
    for (const [s, state] of names.entries()) {
      if (name in done ? done[name] !== state : typeof finding === 'string' && finding !== state) continue
      const own = name in done ? 1 : cpt[row + s]!
      states[index] = s
      visit(place + 1, weight * own * (typeof finding === 'object' ? finding[s]! : 1))
    }
  }
  visit(0, 1)
  return found
}

/** The sum of the weights, and the normalised marginal of every variable. */
export function marginalsOf({ variables }: BayesianNetwork, all: readonly WeightedState[]): { mass: number; marginals: Float64Array[] } {
  const marginals = variables.map(({ states }) => new Float64Array(states.length))
  let mass = 0
  for (const { states, weight } of all) {
    mass += weight
    for (const [v, s] of states.entries()) marginals[v]![s]! += weight
  }
  return { mass, marginals: marginals.map(table => table.map(p => p / mass)) }
}
