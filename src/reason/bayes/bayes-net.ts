import {
  abortSignal,
  checkOptions,
  type DiscreteNetworkDescription,
  HenceError,
  integer,
  isHenceError,
  number,
  type OptionRule,
  oneOf,
  plainObject,
  text,
} from '../../core/index.ts'
import { APPROXIMATE_METHODS, type ApproximateMethod, answerApproximately } from './approximate-query.ts'
import { CompiledNetwork, type CompileOptions, DEFAULT_MAX_CELLS } from './compiled-network.ts'
import { impossibleEvidence } from './conflict.ts'
import { type Evidence, readEvidence } from './evidence.ts'
import { answerBest, answerExactly, answerJoint, type ExactAnswer } from './exact-query.ts'
import { type ExplainOptions, type Explanation, explainPosterior } from './explain.ts'
import { type DataRow, describeNetwork, type LearnOptions, type LearntNetwork, learnTables } from './learn-tables.ts'
import { findMostRelevant, type MostRelevantOptions, type RelevantExplanation } from './most-relevant.ts'
import { type BayesianNetwork, buildNetwork } from './network.ts'
import { type NetworkTool, type NetworkToolOptions, networkTool } from './network-tool.ts'
import { makePosteriors, type Posteriors, type QueryDetails } from './posteriors.ts'
import { planned, type QueryCost, queryCost } from './query-cost.ts'
import type {
  BestOptions,
  JointPosterior,
  ProbableAssignment,
  QueryMethod,
  QueryOptions,
  Questionable,
  QuestionOptions,
} from './question.ts'
import { findSensitivity, type ParameterSensitivity, type SensitivityOptions } from './sensitivity.ts'
import { runSteps, runStepsAsync, type Steps } from './steps.ts'
import { tooLarge } from './too-large.ts'

const METHODS: readonly QueryMethod[] = ['auto', 've', 'jtree', ...APPROXIMATE_METHODS]

const finding: OptionRule = plainObject
const QUESTION_RULES: Readonly<Record<string, OptionRule>> = {
  given: finding,
  do: plainObject,
  maxCells: number(1, Number.POSITIVE_INFINITY),
  timeoutMs: number(0, Number.POSITIVE_INFINITY),
  signal: abortSignal,
}
const QUERY_RULES: Readonly<Record<string, OptionRule>> = {
  ...QUESTION_RULES,
  method: oneOf(...METHODS),
  samples: integer(1, 2 ** 40),
  seed: integer(0, Number.MAX_SAFE_INTEGER),
}
const EXPLAIN_RULES: Readonly<Record<string, OptionRule>> = { ...QUESTION_RULES, state: text }
const SENSITIVITY_RULES: Readonly<Record<string, OptionRule>> = {
  given: plainObject,
  state: text,
  count: integer(1, 1_000_000),
  maxCells: QUESTION_RULES['maxCells']!,
}
const RELEVANT_RULES: Readonly<Record<string, OptionRule>> = {
  ...QUESTION_RULES,
  maxVariables: integer(1, 10),
  count: integer(1, 1_000_000),
}
const LEARN_RULES: Readonly<Record<string, OptionRule>> = {
  pseudoCount: number(0, Number.MAX_VALUE),
  equivalentSampleSize: number(0, Number.MAX_VALUE),
  maxIterations: integer(1, 1_000_000),
  tolerance: number(0, 1),
  maxCells: QUESTION_RULES['maxCells']!,
}
const BEST_RULES: Readonly<Record<string, OptionRule>> = { ...QUESTION_RULES, count: integer(1, 1_000_000) }

/** Up to so many variables are asked for one by one, of a network cut down to the question. */
const FEW_TARGETS = 3
/** A tree of the whole network this small is quicker than cutting the network down. */
const SMALL_TREE_CELLS = 200_000
const DEFAULT_SAMPLES = 20_000

/**
 * A Bayesian network that answers questions.
 *
 * @example
 * ```ts
 * import { load } from 'hence'
 * const net = await load('asia.bif', { kind: 'network' })
 * const { lung } = net.query(['lung'], { given: { smoke: 'yes', xray: 'yes' } })
 * console.log(net.states('lung'), lung)
 * ```
 */
export class BayesNet implements Questionable {
  readonly kind = 'network' as const
  /** The network itself: variables, parents and tables. */
  readonly network: BayesianNetwork
  #compiled: CompiledNetwork | undefined

  constructor(network: BayesianNetwork) {
    this.network = network
  }

  /** Makes a network from plain data. @throws HenceError `NETWORK_INVALID` with the variable and row at fault */
  static from(description: DiscreteNetworkDescription): BayesNet {
    return new BayesNet(buildNetwork(description))
  }

  /** Names of all variables. */
  get variables(): string[] {
    return this.network.variables.map(({ name }) => name)
  }

  /** Names of the states of a variable. @throws HenceError `OPTION_INVALID` with the nearest name */
  states(variable: string): readonly string[] {
    return this.network.variables[this.network.indexOf(variable)]!.states
  }

  /**
   * Posterior marginals: P(variable | findings), each a `Float64Array` in the order of `states(variable)`.
   *
   * @param targets - one variable or several; all by default
   * @throws HenceError `OPTION_INVALID`, `EVIDENCE_IMPOSSIBLE` (with a smallest conflicting subset), `INFERENCE_TOO_LARGE` (with the
   *   numbers, for `ve` and `jtree`), `ABORTED`
   */
  query<const Name extends string>(targets?: Name | readonly Name[], options: QueryOptions = {}): Posteriors<Name> {
    return runSteps(this.#query(targets, options), options)
  }

  /** {@link BayesNet.query} in slices of some milliseconds, between which the event loop turns and `signal` is heard. */
  async queryAsync<const Name extends string>(targets?: Name | readonly Name[], options: QueryOptions = {}): Promise<Posteriors<Name>> {
    return runStepsAsync(this.#query(targets, options), options)
  }

  /**
   * The joint posterior of several variables.
   *
   * @throws HenceError as {@link BayesNet.query}
   */
  joint(targets: readonly string[], options: QuestionOptions = {}): JointPosterior {
    checkOptions('joint', options, QUESTION_RULES)
    const variables = this.#targets(targets)
    const evidence = readEvidence(this.network, options)
    const maxCells = options.maxCells ?? DEFAULT_MAX_CELLS
    const { table, logEvidence } = runSteps(answerJoint(this.network, evidence, variables, maxCells), options)
    if (table.length === 0) throw impossibleEvidence(this.network, options)
    return { variables: targets, shape: targets.map(name => this.states(name).length), table, logEvidence }
  }

  /** ln P(findings) under the interventions; -Infinity when they contradict each other. @throws HenceError `INFERENCE_TOO_LARGE` */
  logEvidence(options: QuestionOptions = {}): number {
    checkOptions('logEvidence', options, QUESTION_RULES)
    const evidence = readEvidence(this.network, options)
    return runSteps(answerExactly(this.network, evidence, [], options.maxCells ?? DEFAULT_MAX_CELLS), options).logEvidence
  }

  /**
   * Most probable explanations: the likeliest states of all variables that are not known, together.
   *
   * @returns the best first; `count` of them where there are so many
   * @throws HenceError as {@link BayesNet.query}
   */
  mpe(options: BestOptions = {}): ProbableAssignment[] {
    checkOptions('mpe', options, BEST_RULES)
    return this.#best(undefined, options)
  }

  /**
   * Maximum a posteriori: the likeliest states of some variables together, all others summed out.
   *
   * @returns the best first; `count` of them where there are so many
   * @throws HenceError as {@link BayesNet.query}
   */
  map(targets: readonly string[], options: BestOptions = {}): ProbableAssignment[] {
    checkOptions('map', options, BEST_RULES)
    return this.#best(this.#targets(targets), options)
  }

  /** The network compiled for many questions, see {@link CompiledNetwork}. @throws HenceError `OPTION_INVALID` */
  compile(options: CompileOptions = {}): CompiledNetwork {
    return new CompiledNetwork(this.network, options)
  }

  /** What a question would cost by each method, without answering it. @throws HenceError `OPTION_INVALID` */
  cost(targets?: string | readonly string[], options: QueryOptions = {}): QueryCost {
    checkOptions('cost', options, QUERY_RULES)
    const evidence = readEvidence(this.network, options)
    const { samples = DEFAULT_SAMPLES, maxCells = DEFAULT_MAX_CELLS } = options
    return queryCost(
      this.network,
      evidence,
      this.#targets(targets),
      planned(() => this.#tree().plan),
      { samples, maxCells },
    )
  }

  /**
   * What each finding did to what is believed of a variable, the strongest first.
   *
   * @throws HenceError as {@link BayesNet.query}
   */
  explain(variable: string, options: ExplainOptions = {}): Explanation {
    checkOptions('explain', options, EXPLAIN_RULES)
    return explainPosterior(this, variable, options)
  }

  /** The table entries that a posterior depends on most, the strongest first. @throws HenceError as {@link BayesNet.query} */
  sensitivity(variable: string, options: SensitivityOptions = {}): ParameterSensitivity[] {
    checkOptions('sensitivity', options, SENSITIVITY_RULES)
    return findSensitivity(this, variable, options)
  }

  /**
   * Most relevant explanations of the findings: states of one variable or a few that make the findings most likely.
   *
   * @param targets - what may explain; all that is not known by default
   * @throws HenceError as {@link BayesNet.query}
   */
  mostRelevant(targets: readonly string[] = this.variables, options: MostRelevantOptions = {}): RelevantExplanation[] {
    checkOptions('mostRelevant', options, RELEVANT_RULES)
    return findMostRelevant(this, targets, options)
  }

  /**
   * Learns the tables from cases; the network stays as it is.
   *
   * @param rows - states by variable; what is absent or null is missing, and filled in by expectation maximisation
   * @throws HenceError `OPTION_INVALID`, `EVIDENCE_IMPOSSIBLE`, `INFERENCE_TOO_LARGE`
   */
  fit(rows: Iterable<DataRow>, options: LearnOptions = {}): { net: BayesNet } & Omit<LearntNetwork, 'network'> {
    checkOptions('fit', options, LEARN_RULES)
    const { network, ...report } = learnTables(this.network, rows, options)
    return { net: new BayesNet(network), ...report }
  }

  /** The network as a function for language models, with a JSON schema of its variables and states. */
  asTool(options: NetworkToolOptions = {}): NetworkTool {
    return networkTool(this, options)
  }

  /** Names, states, parents and tables as plain data: for files, and for a worker, which makes the network again by `from`. */
  toDescription(): DiscreteNetworkDescription {
    return describeNetwork(this.network)
  }

  *#query<Name extends string>(targets: Name | readonly Name[] | undefined, options: QueryOptions): Steps<Posteriors<Name>> {
    checkOptions('query', options, QUERY_RULES)
    const { method = 'auto' } = options
    const variables = this.#targets(targets)
    const evidence = readEvidence(this.network, options)
    if (method !== 'auto' && method !== 've' && method !== 'jtree') return yield* this.#approximate(variables, evidence, method, options)
    try {
      return yield* this.#exact(variables, evidence, method, options)
    } catch (error) {
      if (method !== 'auto' || !isHenceError(error, 'INFERENCE_TOO_LARGE')) throw error
      return yield* this.#approximate(variables, evidence, 'lw', options, Number(error.details['cells']))
    }
  }

  *#exact<Name extends string>(
    targets: readonly number[],
    evidence: Evidence,
    method: 'auto' | 've' | 'jtree',
    options: QueryOptions,
  ): Steps<Posteriors<Name>> {
    const { maxCells = DEFAULT_MAX_CELLS } = options
    const isDone = evidence.isDone.includes(1)
    if (isDone && method === 'jtree')
      throw new HenceError('OPTION_INVALID', 'query: the junction tree of the network cannot take interventions; use the method "ve"', {
        option: 'method',
      })
    const isTree =
      method === 'jtree' || (method === 'auto' && !isDone && targets.length > FEW_TARGETS && this.#tree().plan.cells <= SMALL_TREE_CELLS)
    let answer: Pick<ExactAnswer, 'posteriors' | 'logEvidence' | 'tree'>
    if (isTree) {
      const tree = this.#tree()
      if (tree.plan.cells > maxCells) throw tooLarge(tree.plan.cells, maxCells)
      answer = { ...(yield* tree.answer(evidence, targets)), tree: tree.plan }
    } else answer = yield* answerExactly(this.network, evidence, targets, maxCells)
    const { posteriors, logEvidence, tree } = answer
    if (logEvidence === Number.NEGATIVE_INFINITY) throw impossibleEvidence(this.network, options)
    return this.#named(targets, posteriors, {
      method: isTree ? 'jtree' : 've',
      isExact: true,
      logEvidence,
      cells: tree.cells,
      largestCells: tree.largest,
      errors: this.#byName(
        targets,
        posteriors.map(table => new Float64Array(table.length)),
      ),
    })
  }

  *#approximate<Name extends string>(
    targets: readonly number[],
    evidence: Evidence,
    method: ApproximateMethod,
    options: QueryOptions,
    cells: number = Number.NaN,
  ): Steps<Posteriors<Name>> {
    const { samples = DEFAULT_SAMPLES, seed = 1 } = options
    const answer = yield* answerApproximately(this.network, evidence, targets, method, { samples, seed })
    const { posteriors, errors, logEvidence, diagnostics } = answer
    if (posteriors.length < targets.length || posteriors.some(table => Number.isNaN(table[0]!)))
      throw new HenceError('EVIDENCE_IMPOSSIBLE', `none of ${samples} samples agrees with the findings: they are impossible or very rare`, {
        samples,
        findings: Object.keys(options.given ?? {}),
        hint: 'Draw more { samples }, or ask for logEvidence() where exact inference is affordable: it tells impossible from rare.',
      })
    const details = { method, isExact: false, logEvidence, cells, largestCells: Number.NaN, diagnostics }
    return this.#named(targets, posteriors, { ...details, errors: this.#byName(targets, errors) })
  }

  #best(targets: readonly number[] | undefined, options: BestOptions): ProbableAssignment[] {
    const { count = 1, maxCells = DEFAULT_MAX_CELLS } = options
    const evidence = readEvidence(this.network, options)
    const { assignments } = runSteps(answerBest(this.network, evidence, targets, count, maxCells), options)
    if (assignments.length === 0) throw impossibleEvidence(this.network, options)
    const logEvidence = this.logEvidence({ given: options.given, do: options.do, maxCells })
    return assignments.map(({ states, logProbability }) => {
      const named = this.network.variables.flatMap(({ index, name, states: names }): [string, string][] => {
        const state = states[index]! >= 0 ? states[index]! : targets?.includes(index) ? evidence.states[index]! : -1
        return state < 0 ? [] : [[name, names[state]!]]
      })
      return { states: Object.fromEntries(named), logJoint: logProbability, probability: Math.exp(logProbability - logEvidence) }
    })
  }

  #tree(): CompiledNetwork {
    this.#compiled ??= new CompiledNetwork(this.network, { maxCells: Number.POSITIVE_INFINITY })
    return this.#compiled
  }

  #targets(targets: string | readonly string[] | undefined): number[] {
    if (targets === undefined) return this.network.variables.map(({ index }) => index)
    const names = typeof targets === 'string' ? [targets] : targets
    if (!Array.isArray(names))
      throw new HenceError('OPTION_INVALID', `a question is about variables by name, not about ${JSON.stringify(targets)}`)
    return [...new Set(names)].map(name => this.network.indexOf(name))
  }

  #byName(targets: readonly number[], tables: readonly Float64Array[]): Record<string, Float64Array> {
    return Object.fromEntries(targets.map((target, i) => [this.network.variables[target]!.name, tables[i]!]))
  }

  #named<Name extends string>(targets: readonly number[], tables: readonly Float64Array[], details: QueryDetails): Posteriors<Name> {
    return makePosteriors(this.#byName(targets, tables) as Record<Name, Float64Array>, details)
  }
}
