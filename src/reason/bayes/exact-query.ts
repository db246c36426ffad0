import { findBestAssignments } from './best-assignments.ts'
import { buildCliqueTree, type CliqueTree } from './clique-tree.ts'
import { searchOrder } from './elimination-order.ts'
import type { Evidence } from './evidence.ts'
import { cellCount } from './factor.ts'
import { JunctionTree } from './junction-tree.ts'
import type { BayesianNetwork } from './network.ts'
import { oneState } from './one-state.ts'
import { findRelevant } from './relevance.ts'
import type { Steps } from './steps.ts'
import { planStrides, sumStrided } from './strided.ts'
import { buildSubproblem, type Subproblem } from './subproblem.ts'
import { tooLarge } from './too-large.ts'

/** A question's own clique tree. */
export interface PlannedQuestion {
  readonly problem: Subproblem
  readonly tree: CliqueTree
}

/** What a plan is asked to keep. */
export interface PlanOptions {
  /** By variable of the network: variables of a later stage are eliminated after all of earlier ones. */
  readonly stages?: ArrayLike<number> | undefined
  /** Variables that shall be in one clique. */
  readonly together?: readonly number[] | undefined
}

/** An order that costs no more than this is not improved on: looking for a better one takes longer. */
const GOOD_CELLS = 20_000

/** Plans how to sum out the variables of some families, with what is known cut out of their tables. */
export function planQuestion(
  network: BayesianNetwork,
  evidence: Evidence,
  families: Uint8Array,
  { stages, together = [] }: PlanOptions = {},
): PlannedQuestion {
  const problem = buildSubproblem(network, evidence, families, [together])
  const localStages = stages && Int32Array.from(problem.variables, variable => stages[variable]!)
  const order = searchOrder(problem.graph, { goodCells: GOOD_CELLS, stages: localStages })
  return { problem, tree: buildCliqueTree(order, problem.cards, localStages) }
}

/** Posterior marginals of some variables, and the logarithm of the probability of the findings. */
export interface ExactAnswer {
  /** In the order of the targets; empty when the findings are impossible. */
  readonly posteriors: readonly Float64Array[]
  readonly logEvidence: number
  readonly tree: CliqueTree
}

/**
 * Answers by a clique tree made for the question: of the ancestors of targets and findings, with known states cut out.
 *
 * @throws HenceError `INFERENCE_TOO_LARGE`
 */
export function* answerExactly(
  network: BayesianNetwork,
  evidence: Evidence,
  targets: readonly number[],
  maxCells: number = Number.POSITIVE_INFINITY,
): Steps<ExactAnswer> {
  const { ancestral } = findRelevant(network, evidence, targets)
  const { problem, tree } = planQuestion(network, evidence, ancestral)
  const junctionTree = new JunctionTree({ tree, cards: problem.cards, factors: problem.factors, maxCells })
  const logEvidence = (yield* junctionTree.collect()) + problem.logConstant
  const posteriors: Float64Array[] = []
  if (logEvidence > Number.NEGATIVE_INFINITY) {
    for (const target of targets) {
      const local = problem.localOf[target]!
      posteriors.push(local < 0 ? pointMass(network, evidence, target) : yield* junctionTree.marginal(local))
    }
  }
  return { posteriors, logEvidence, tree }
}

/** The joint posterior of some variables. */
export interface JointAnswer {
  /** Shape [states of each target…], the last fastest. Empty when the findings are impossible. */
  readonly table: Float64Array
  readonly logEvidence: number
}

/** The joint posterior of some variables, each named once. @throws HenceError `INFERENCE_TOO_LARGE` */
export function* answerJoint(
  network: BayesianNetwork,
  evidence: Evidence,
  targets: readonly number[],
  maxCells: number,
): Steps<JointAnswer> {
  const free = targets.filter(target => evidence.states[target]! < 0)
  const { ancestral } = findRelevant(network, evidence, targets)
  const stages = new Int32Array(network.variables.length)
  for (const target of free) stages[target] = 1
  const { problem, tree } = planQuestion(network, evidence, ancestral, { stages, together: free })
  const allCards = network.variables.map(variable => variable.states.length)
  const size = cellCount(targets, allCards)
  if (Math.max(size, tree.largest) > maxCells) throw tooLarge(Math.max(size, tree.largest), maxCells)
  const { cards } = problem
  const junctionTree = new JunctionTree({ tree, cards, factors: problem.factors, maxCells })
  const logEvidence = (yield* junctionTree.collect()) + problem.logConstant
  if (logEvidence === Number.NEGATIVE_INFINITY) return { table: new Float64Array(0), logEvidence }
  const locals = free.map(target => problem.localOf[target]!)
  let joint = Float64Array.of(1)
  if (free.length > 0) {
    joint = new Float64Array(cellCount(free, allCards))
    // The targets are neighbours of each other and are eliminated last: they are a root of their own.
    const root = tree.home[locals[0]!]!
    sumStrided(junctionTree.rootTable(root), joint, planStrides(tree.cliques[root]!.scope, locals, cards))
  }
  const sum = joint.reduce((total, p) => total + p, 0)
  const table = new Float64Array(size)
  const { outer, middle, middleStride, inner, innerStride } = planStrides(free, targets, allCards)
  const known = targets.reduce((place, target) => place * allCards[target]! + Math.max(0, evidence.states[target]!), 0)
  let i = 0
  for (const offset of outer)
    for (let m = 0; m < middle; m++)
      for (let k = 0; k < inner; k++) table[known + offset + m * middleStride + k * innerStride] = joint[i++]! / sum
  return { table, logEvidence }
}

/** Most probable assignments. */
export interface BestAnswer {
  /** Best first. `states` is by variable of the network, those not asked for -1. */
  readonly assignments: readonly { readonly states: Int32Array; readonly logProbability: number }[]
}

/**
 * The most probable assignments of some free variables, all others summed out; or of all free variables.
 *
 * @param targets - undefined for all
 * @returns ln P(assignment, findings) of each; none when the findings are impossible
 * @throws HenceError `INFERENCE_TOO_LARGE`
 */
export function* answerBest(
  network: BayesianNetwork,
  evidence: Evidence,
  targets: readonly number[] | undefined,
  count: number,
  maxCells: number,
): Steps<BestAnswer> {
  const families = targets ? findRelevant(network, evidence, targets).ancestral : allFamilies(network, evidence)
  const stages = new Int32Array(network.variables.length).fill(targets ? 0 : 1)
  for (const target of targets ?? []) stages[target] = 1
  const { problem, tree } = planQuestion(network, evidence, families, { stages })
  const { variables, cards, factors } = problem
  const isMaximised = tree.cliques.map(() => false)
  for (const [local, variable] of variables.entries()) if (stages[variable] === 1) isMaximised[tree.home[local]!] = true
  const reductions = isMaximised.map(isMax => (isMax ? 'max' : 'sum'))
  const junctionTree = new JunctionTree({ tree, cards, factors, reductions, maxCells })
  const logBest = yield* junctionTree.collect()
  const best = yield* findBestAssignments(junctionTree, cards, isMaximised, count, logBest + problem.logConstant)
  return {
    assignments: best.map(({ states: local, logValue }) => {
      const states = new Int32Array(network.variables.length).fill(-1)
      for (const [i, variable] of variables.entries()) states[variable] = local[i]!
      return { states, logProbability: logValue }
    }),
  }
}

/** Every family with a table: all but those of variables that are done. */
export function allFamilies(network: BayesianNetwork, { isDone }: Evidence): Uint8Array {
  return Uint8Array.from(network.variables, (_, variable) => (isDone[variable] === 1 ? 0 : 1))
}

/** The posterior of a variable whose state is known. */
export function pointMass(network: BayesianNetwork, { states }: Evidence, variable: number): Float64Array {
  return oneState(network.variables[variable]!.states.length, states[variable]!)
}
