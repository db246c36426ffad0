import { HenceError } from '../../core/index.ts'
import { buildCliqueTree } from '../bayes/clique-tree.ts'
import { searchOrder } from '../bayes/elimination-order.ts'
import { type Given, readEvidence } from '../bayes/evidence.ts'
import { JunctionTree } from '../bayes/junction-tree.ts'
import type { BayesianNetwork } from '../bayes/network.ts'
import { findRelevant } from '../bayes/relevance.ts'
import type { Steps } from '../bayes/steps.ts'
import { buildSubproblem } from '../bayes/subproblem.ts'
import type { ObservedDistribution } from './evaluate-estimand.ts'
import { cellsOf, orderTable } from './value-table.ts'

/** Variables together, after findings and interventions. */
export interface JointPosterior {
  /** P(variables | findings), row-major, the last variable fastest. All zero where the findings cannot be. */
  readonly values: Float64Array
  /** Logarithm of the probability of the findings. */
  readonly logEvidence: number
}

/** 240 MB of tables. */
const MAX_CELLS = 3e7

/** The joint posterior of variables without findings. @throws HenceError `OPTION_INVALID`, `INFERENCE_TOO_LARGE` */
export function* networkJoint(network: BayesianNetwork, variables: readonly string[], given: Given = {}): Steps<JointPosterior> {
  const evidence = readEvidence(network, given)
  const targets = variables.map(name => network.indexOf(name))
  const sizes = targets.map(target => network.variables[target]!.states.length)
  cellsOf(sizes)
  const { ancestral } = findRelevant(network, evidence, targets)
  const problem = buildSubproblem(network, evidence, ancestral, [targets])
  const locals = targets.map(target => problem.localOf[target]!)
  const stages = new Uint8Array(problem.variables.length)
  for (const local of locals) stages[local] = 1
  const order = searchOrder(problem.graph, { stages, goodCells: 20_000 })
  const tree = buildCliqueTree(order, problem.cards, stages)
  if (tree.cells > MAX_CELLS)
    throw new HenceError('INFERENCE_TOO_LARGE', `P(${variables.join(', ')}) takes ${tree.cells} cells, more than ${MAX_CELLS}`, {
      cells: tree.cells,
      limit: MAX_CELLS,
      hint: 'Ask about fewer variables at once.',
    })
  const junctionTree = new JunctionTree({ tree, cards: problem.cards, factors: problem.factors })
  const logEvidence = (yield* junctionTree.collect()) + problem.logConstant
  if (logEvidence === Number.NEGATIVE_INFINITY || locals.length === 0)
    return { values: new Float64Array(cellsOf(sizes)).fill(locals.length === 0 ? 1 : 0), logEvidence }
  // The targets are neighbours of each other and go last, so that they are one root by themselves.
  const root = tree.home[locals[0]!]!
  const scope = tree.cliques[root]!.scope.map(local => network.variables[problem.variables[local]!]!)
  const table = {
    variables: scope.map(({ name }) => name),
    sizes: scope.map(({ states }) => states.length),
    values: junctionTree.rootTable(root),
  }
  const total = table.values.reduce((sum, value) => sum + value, 0)
  return { values: orderTable(table, variables).values.map(value => value / total), logEvidence }
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
