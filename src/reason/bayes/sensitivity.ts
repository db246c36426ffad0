import { HenceError } from '../../core/index.ts'
import { DEFAULT_MAX_CELLS } from './compiled-network.ts'
import { impossibleEvidence } from './conflict.ts'
import { type Given, readEvidence } from './evidence.ts'
import { FamilyMarginals } from './family-marginals.ts'
import { oneState } from './one-state.ts'
import type { Questionable } from './question.ts'

/** How a posterior depends on one entry of a table. The rest of the entry's row keeps its proportions. */
export interface ParameterSensitivity {
  readonly variable: string
  readonly state: string
  /** States of the parents in the entry's row. */
  readonly parents: Readonly<Record<string, string>>
  /** The entry as it is. */
  readonly value: number
  /** By how much P(target state | findings) moves for each unit of the entry. */
  readonly derivative: number
  /** P(target state | findings) = (a + b·x) / (c + d·x) when the entry is x. */
  readonly coefficients: { readonly a: number; readonly b: number; readonly c: number; readonly d: number }
}

/** What `BayesNet.sensitivity()` is asked. */
export interface SensitivityOptions extends Pick<Given, 'given'> {
  /** The state whose probability is looked at; the likeliest one by default. */
  readonly state?: string | undefined
  /** The most influential entries that are listed; 10 by default. */
  readonly count?: number | undefined
  readonly maxCells?: number | undefined
}

/**
 * The table entries that a posterior depends on most. Entries of 0 and 1 are left out: they are mostly meant as laws.
 *
 * Source: Castillo, Gutiérrez & Hadi (1997); Chan & Darwiche, "When do numbers really matter?" (2002).
 *
 * @throws HenceError as `query`
 */
export function findSensitivity(net: Questionable, target: string, options: SensitivityOptions): ParameterSensitivity[] {
  const { given, count = 10, maxCells = DEFAULT_MAX_CELLS } = options
  const { network } = net
  const { variables } = network
  const index = network.indexOf(target)
  const evidence = readEvidence(network, { given })
  if (evidence.states[index]! >= 0) throw new HenceError('OPTION_INVALID', `${target} is known; nothing can move it`, { variable: target })
  const own = evidence.likelihoods.get(index)
  const marginals = new FamilyMarginals(network, maxCells)
  for (const [variable, likelihood] of evidence.likelihoods) marginals.set(variable, likelihood)
  for (const { index: variable, states } of variables)
    if (evidence.states[variable]! >= 0) marginals.set(variable, oneState(states.length, evidence.states[variable]!))
  const logEvidence = marginals.collect()
  if (logEvidence === Number.NEGATIVE_INFINITY) throw impossibleEvidence(network, { given })
  const before = variables.map(variable => marginals.family(variable.index))
  const posterior = net.query(target, { given, maxCells })[target]!
  const state = options.state === undefined ? posterior.indexOf(Math.max(...posterior)) : network.stateOf(index, options.state)
  const p = posterior[state]!
  if (p === 0) return []
  const only = oneState(posterior.length, state)
  marginals.set(index, own ? only.map((value, s) => value * own[s]!) : only)
  marginals.collect()
  const found = variables.flatMap(variable => {
    const together = marginals.family(variable.index)
    return sensitivitiesOf(net, variable.index, { before: before[variable.index]!, together, p })
  })
  found.sort((a, b) => Math.abs(b.derivative) - Math.abs(a.derivative))
  return found.slice(0, count)
}

/** Family posteriors given the findings, and given the findings and the target state, whose probability is `p`. */
interface Families {
  readonly before: Float64Array
  readonly together: Float64Array
  readonly p: number
}

/**
 * Both P(e) and P(h, e), divided by today's P(e), are linear in an entry x of a row: slope P(s, row | …)/x - P(not s, row | …)/(1 - x).
 */
function sensitivitiesOf(net: Questionable, index: number, { before, together, p }: Families): ParameterSensitivity[] {
  const { variables } = net.network
  const { name, states, parents, cpt } = variables[index]!
  const width = states.length
  const out: ParameterSensitivity[] = []
  for (let row = 0; row < cpt.length; row += width) {
    let rowBefore = 0
    let rowTogether = 0
    for (let i = row; i < row + width; i++) {
      rowBefore += before[i]!
      rowTogether += together[i]!
    }
    if (rowBefore === 0) continue
    for (let i = row; i < row + width; i++) {
      const x = cpt[i]!
      if (x <= 0 || x >= 1) continue
      const slope = (own: number, all: number): number => own / x - (all - own) / (1 - x)
      const d = slope(before[i]!, rowBefore)
      const b = p * slope(together[i]!, rowTogether)
      const derivative = b - p * d
      if (derivative === 0) continue
      let rest = row / width
      const given = parents.toReversed().map((parent): [string, string] => {
        const { name, states } = variables[parent]!
        const state = states[rest % states.length]!
        rest = Math.floor(rest / states.length)
        return [name, state]
      })
      out.push({
        variable: name,
        state: states[i - row]!,
        parents: Object.fromEntries(given.reverse()),
        value: x,
        derivative,
        coefficients: { a: p - b * x, b, c: 1 - d * x, d },
      })
    }
  }
  return out
}
