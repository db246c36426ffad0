import { buildCliqueTree, type CliqueTree } from './clique-tree.ts'
import { searchOrder } from './elimination-order.ts'
import type { Evidence } from './evidence.ts'
import { JunctionTree } from './junction-tree.ts'
import type { BayesianNetwork } from './network.ts'
import { findRelevant } from './relevance.ts'
import type { Steps } from './steps.ts'
import { buildSubproblem, type Subproblem } from './subproblem.ts'

/** A question's own clique tree. */
export interface PlannedQuestion {
  readonly problem: Subproblem
  readonly tree: CliqueTree
}

/** Orders are looked for until they cost no more than this, which takes less than the search. */
const GOOD_CELLS = 20_000
const RESTARTS = 8

/** Prunes the network to what matters for some targets, and plans how to sum out the rest. */
export function planQuestion(network: BayesianNetwork, evidence: Evidence, families: Uint8Array): PlannedQuestion {
  const problem = buildSubproblem(network, evidence, families)
  const order = searchOrder(problem.graph, { goodCells: GOOD_CELLS, restarts: RESTARTS })
  return { problem, tree: buildCliqueTree(order, problem.cards) }
}

/** Posterior marginals of some variables, and the logarithm of the probability of the findings. */
export interface ExactAnswer {
  /** In the order of the targets. */
  readonly posteriors: readonly Float64Array[]
  readonly logEvidence: number
}

/** Answers by a clique tree made for the question. */
export function* answerExactly(network: BayesianNetwork, evidence: Evidence, targets: readonly number[]): Steps<ExactAnswer> {
  const { ancestral } = findRelevant(network, evidence, targets)
  const { problem, tree } = planQuestion(network, evidence, ancestral)
  const junctionTree = new JunctionTree({ tree, cards: problem.cards, factors: problem.factors })
  const logEvidence = (yield* junctionTree.collect()) + problem.logConstant
  const posteriors: Float64Array[] = []
  if (logEvidence > Number.NEGATIVE_INFINITY) {
    for (const target of targets) {
      const local = problem.localOf[target]!
      posteriors.push(local < 0 ? pointMass(network, evidence, target) : yield* junctionTree.marginal(local))
    }
  }
  return { posteriors, logEvidence }
}

/** The posterior of a variable whose state is known. */
export function pointMass(network: BayesianNetwork, { states }: Evidence, variable: number): Float64Array {
  const out = new Float64Array(network.variables[variable]!.states.length)
  out[states[variable]!] = 1
  return out
}
