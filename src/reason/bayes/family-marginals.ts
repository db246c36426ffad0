import { buildCliqueTree } from './clique-tree.ts'
import { searchOrder } from './elimination-order.ts'
import { readEvidence } from './evidence.ts'
import { allFamilies } from './exact-query.ts'
import { JunctionTree } from './junction-tree.ts'
import type { BayesianNetwork } from './network.ts'
import { runSteps } from './steps.ts'
import { buildSubproblem, type Subproblem } from './subproblem.ts'

const GOOD_CELLS = 2_000

/** Posteriors of whole families (a variable with its parents), which learning and sensitivity are made of. */
export class FamilyMarginals {
  readonly #network: BayesianNetwork
  readonly #problem: Subproblem
  readonly #tree: JunctionTree

  /** @throws HenceError `INFERENCE_TOO_LARGE` */
  constructor(network: BayesianNetwork, maxCells: number) {
    this.#network = network
    const nothing = readEvidence(network, {})
    this.#problem = buildSubproblem(network, nothing, allFamilies(network, nothing))
    const { graph, cards, factors } = this.#problem
    const tree = buildCliqueTree(searchOrder(graph, { goodCells: GOOD_CELLS }), cards)
    this.#tree = new JunctionTree({ tree, cards, factors, maxCells })
  }

  /** Sets a variable's likelihoods, or takes them back. */
  set(variable: number, likelihood: Float64Array | undefined): void {
    this.#tree.setLikelihood(this.#problem.localOf[variable]!, likelihood)
  }

  /** ln P(findings). */
  collect(): number {
    return runSteps(this.#tree.collect())
  }

  /** P(variable, parents | findings), in the shape of its table. The tree was collected. */
  family(variable: number): Float64Array {
    const { parents, index } = this.#network.variables[variable]!
    return runSteps(this.#tree.scopeMarginal([...parents, index].map(member => this.#problem.localOf[member]!)))
  }
}
