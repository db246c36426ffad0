import { DEFAULT_MAX_CELLS } from '../bayes/compiled-network.ts'
import { type Given, readEvidence } from '../bayes/evidence.ts'
import { answerJoint } from '../bayes/exact-query.ts'
import type { BayesianNetwork } from '../bayes/network.ts'
import type { Steps } from '../bayes/steps.ts'
import type { ObservedDistribution } from './evaluate-estimand.ts'
import { cellsOf } from './value-table.ts'

/** Variables together, after findings and interventions. */
export interface NetworkJoint {
  /** P(variables | findings), row-major, the last variable fastest. All zero where the findings cannot be. */
  readonly values: Float64Array
  /** Logarithm of the probability of the findings. */
  readonly logEvidence: number
}

/** The joint posterior of variables, each named once. @throws HenceError `OPTION_INVALID`, `INFERENCE_TOO_LARGE` */
export function* networkJoint(network: BayesianNetwork, variables: readonly string[], given: Given = {}): Steps<NetworkJoint> {
  const targets = variables.map(name => network.indexOf(name))
  const cells = cellsOf(targets.map(target => network.variables[target]!.states.length))
  const { table, logEvidence } = yield* answerJoint(network, readEvidence(network, given), targets, DEFAULT_MAX_CELLS)
  return { values: table.length === 0 ? new Float64Array(cells) : table, logEvidence }
}

/** What can be observed of a network. */
export function networkSource(network: BayesianNetwork): ObservedDistribution {
  return {
    states: name => network.variables[network.indexOf(name)]!.states,
    *joint(variables) {
      return (yield* networkJoint(network, variables)).values
    },
  }
}
