import { HenceError } from '../../core/index.ts'
import { buildCliqueTree, type CliqueTree } from './clique-tree.ts'
import { impossibleEvidence } from './conflict.ts'
import { searchOrder } from './elimination-order.ts'
import { type Evidence, type Finding, readEvidence } from './evidence.ts'
import { JunctionTree } from './junction-tree.ts'
import type { BayesianNetwork } from './network.ts'
import { oneState } from './one-state.ts'
import { findRelevant } from './relevance.ts'
import { runSteps, type Steps } from './steps.ts'
import { buildSubproblem, type Subproblem } from './subproblem.ts'

/** What a network is compiled for. */
export interface CompileOptions {
  /** The variables that will be asked for or known; all by default. Others may be summed out for good. */
  readonly variables?: readonly string[] | undefined
  /** Most table cells; 30 million by default, which take 240 MB. */
  readonly maxCells?: number | undefined
}

/** A plan costs nothing, its tables are made when they are needed. */
export const DEFAULT_MAX_CELLS = 30_000_000

const GOOD_CELLS = 2_000

/**
 * A network compiled to a junction tree: findings are set and taken back, and only what they touch is computed again.
 *
 * @example
 * ```ts
 * import { load } from 'hence'
 * const net = await load('asia.bif', { kind: 'network' })
 * const tree = net.compile()
 * tree.set({ smoke: 'yes', xray: 'yes' })
 * console.log(tree.posterior('lung'), tree.logEvidence)
 * tree.unset('xray')
 * console.log(tree.posteriors())
 * ```
 */
export class CompiledNetwork {
  readonly #network: BayesianNetwork
  readonly #problem: Subproblem
  readonly #plan: CliqueTree
  readonly #maxCells: number
  readonly #findings = new Map<number, Float64Array>()
  #tree: JunctionTree | undefined

  /** @throws HenceError `OPTION_INVALID` for unknown variables */
  constructor(network: BayesianNetwork, { variables, maxCells = DEFAULT_MAX_CELLS }: CompileOptions = {}) {
    this.#network = network
    this.#maxCells = maxCells
    const nothing = readEvidence(network, {})
    const wanted = variables?.map(name => network.indexOf(name)) ?? network.variables.map(({ index }) => index)
    this.#problem = buildSubproblem(network, nothing, findRelevant(network, nothing, wanted).ancestral)
    this.#plan = buildCliqueTree(searchOrder(this.#problem.graph, { goodCells: GOOD_CELLS }), this.#problem.cards)
  }

  /** Cliques and their sizes. */
  get plan(): CliqueTree {
    return this.#plan
  }

  /**
   * ln P(findings); -Infinity when they contradict each other.
   *
   * @throws HenceError `INFERENCE_TOO_LARGE`
   */
  get logEvidence(): number {
    return runSteps(this.#collected().collect())
  }

  /**
   * Adds findings, or replaces those of the same variables.
   *
   * @throws HenceError `OPTION_INVALID`
   */
  set(findings: Readonly<Record<string, Finding>>): this {
    const { states, likelihoods, findings: variables } = readEvidence(this.#network, { given: findings })
    for (const variable of variables) this.#local(variable)
    for (const variable of variables)
      this.#setFinding(variable, likelihoods.get(variable) ?? oneState(this.#network.variables[variable]!.states.length, states[variable]!))
    return this
  }

  /** Takes findings back; all of them when no names are given. @throws HenceError `OPTION_INVALID` */
  unset(...names: readonly string[]): this {
    const variables = names.length === 0 ? [...this.#findings.keys()] : names.map(name => this.#network.indexOf(name))
    for (const variable of variables) this.#setFinding(variable, undefined)
    return this
  }

  /**
   * P(variable | findings), in the order of its states.
   *
   * @throws HenceError `OPTION_INVALID`, `EVIDENCE_IMPOSSIBLE`, `INFERENCE_TOO_LARGE`
   */
  posterior(name: string): Float64Array {
    const local = this.#local(this.#network.indexOf(name))
    return runSteps(this.#marginals([local]))[0]!
  }

  /** The posteriors of all variables, by name. @throws HenceError as {@link CompiledNetwork.posterior} */
  posteriors(): Record<string, Float64Array> {
    const locals = this.#problem.variables.map((_, local) => local)
    const tables = runSteps(this.#marginals(locals))
    return Object.fromEntries(this.#problem.variables.map((variable, i) => [this.#network.variables[variable]!.name, tables[i]!]))
  }

  /** Takes over findings as they are, changing only what differs, and answers. Interventions are not looked at. */
  *answer(
    { states, likelihoods }: Evidence,
    targets: readonly number[],
  ): Steps<{ posteriors: readonly Float64Array[]; logEvidence: number }> {
    for (const variable of this.#problem.variables) {
      const likelihood =
        likelihoods.get(variable) ??
        (states[variable]! < 0 ? undefined : oneState(this.#network.variables[variable]!.states.length, states[variable]!))
      const present = this.#findings.get(variable)
      if (present === likelihood || (present && likelihood && present.every((value, i) => value === likelihood[i]))) continue
      this.#setFinding(variable, likelihood)
    }
    const logEvidence = yield* this.#collected().collect()
    if (logEvidence === Number.NEGATIVE_INFINITY) return { posteriors: [], logEvidence }
    return { posteriors: yield* this.#marginals(targets.map(target => this.#local(target))), logEvidence }
  }

  *#marginals(locals: readonly number[]): Steps<Float64Array[]> {
    const tree = this.#collected()
    const logEvidence = yield* tree.collect()
    if (logEvidence === Number.NEGATIVE_INFINITY) {
      const given = [...this.#findings].map(([variable, values]): [string, Finding] => [this.#network.variables[variable]!.name, values])
      throw impossibleEvidence(this.#network, { given: Object.fromEntries(given) })
    }
    const posteriors: Float64Array[] = []
    for (const local of locals) posteriors.push(yield* tree.marginal(local))
    return posteriors
  }

  #setFinding(variable: number, values: Float64Array | undefined): void {
    if (values) this.#findings.set(variable, values)
    else this.#findings.delete(variable)
    this.#tree?.setLikelihood(this.#local(variable), values)
  }

  #collected(): JunctionTree {
    if (!this.#tree) {
      const { cards, factors } = this.#problem
      this.#tree = new JunctionTree({ tree: this.#plan, cards, factors, maxCells: this.#maxCells })
      for (const [variable, values] of this.#findings) this.#tree.setLikelihood(this.#local(variable), values)
    }
    return this.#tree
  }

  #local(variable: number): number {
    const local = this.#problem.localOf[variable]!
    if (local >= 0) return local
    const { name } = this.#network.variables[variable]!
    throw new HenceError('OPTION_INVALID', `the network was compiled without ${name}`, {
      variable: name,
      hint: 'Name it in { variables } when compiling.',
    })
  }
}
