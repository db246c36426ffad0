import { HenceError } from '../../core/index.ts'
import type { BayesianNetwork } from './network.ts'

/** What is known of a variable: its state by name or number, or the likelihood of each of its states. */
export type Finding = string | number | ArrayLike<number>

/** What is known, and what is done to the network from outside. */
export interface Given {
  /** Findings by variable. A likelihood vector is Pearl's virtual evidence: only the ratios of its entries matter for posteriors. */
  readonly given?: Readonly<Record<string, Finding>> | undefined
  /** Interventions by variable: it has this state whatever its parents are. */
  readonly do?: Readonly<Record<string, string | number>> | undefined
}

/** {@link Given} with everything checked and numbered. */
export interface Evidence {
  /** By variable: its state where that is known or done, else -1. */
  readonly states: Int32Array
  /** By variable: 1 where it is done. */
  readonly isDone: Uint8Array
  /** Likelihoods by variable. */
  readonly likelihoods: ReadonlyMap<number, Float64Array>
  /** Variables with findings, in the order they were given. */
  readonly findings: readonly number[]
}

/** Numbers and checks findings and interventions. @throws HenceError `OPTION_INVALID` */
export function readEvidence(network: BayesianNetwork, { given = {}, do: done = {} }: Given): Evidence {
  const states = new Int32Array(network.variables.length).fill(-1)
  const isDone = new Uint8Array(network.variables.length)
  const likelihoods = new Map<number, Float64Array>()
  const findings: number[] = []
  for (const [name, state] of Object.entries(done)) {
    const variable = network.indexOf(name)
    states[variable] = network.stateOf(variable, state)
    isDone[variable] = 1
  }
  for (const [name, finding] of Object.entries(given)) {
    const variable = network.indexOf(name)
    if (isDone[variable] === 1)
      throw new HenceError('OPTION_INVALID', `${name} is set from outside; it cannot be a finding too`, { variable: name })
    findings.push(variable)
    if (typeof finding === 'string' || typeof finding === 'number') states[variable] = network.stateOf(variable, finding)
    else likelihoods.set(variable, readLikelihood(network, variable, finding))
  }
  return { states, isDone, likelihoods, findings }
}

function readLikelihood(network: BayesianNetwork, variable: number, values: ArrayLike<number>): Float64Array {
  const { name, states } = network.variables[variable]!
  if (typeof values !== 'object' || values === null || values.length !== states.length)
    throw new HenceError('OPTION_INVALID', `the likelihood of ${name} has ${values?.length} entries instead of ${states.length}`, {
      variable: name,
      expected: states.length,
    })
  const copy = Float64Array.from(values)
  const largest = copy.reduce((most, value) => Math.max(most, value), 0)
  if (!copy.every(value => value >= 0) || !(largest > 0) || largest === Number.POSITIVE_INFINITY)
    throw new HenceError('OPTION_INVALID', `the likelihood of ${name} must be numbers from 0 on, not all 0, is ${copy.join(', ')}`, {
      variable: name,
    })
  return copy
}
