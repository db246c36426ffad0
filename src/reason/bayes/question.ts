import type { ApproximateMethod } from './approximate-query.ts'
import type { Given } from './evidence.ts'
import type { BayesianNetwork } from './network.ts'
import type { Posteriors } from './posteriors.ts'
import type { TimeLimits } from './steps.ts'

/** How a query is answered; see {@link QueryOptions.method}. */
export type QueryMethod = 'auto' | 've' | 'jtree' | ApproximateMethod

/** Options of every question. */
export interface QuestionOptions extends Given, TimeLimits {
  /** Most table cells of an exact answer; 30 million by default, which take 240 MB. */
  readonly maxCells?: number | undefined
}

/** Options of a query. */
export interface QueryOptions extends QuestionOptions {
  /**
   * `ve`: eliminates what the question does not name, after cutting off what does not matter for it. `jtree`: the junction tree
   * of the whole network, kept from one question to the next. `lw`, `gibbs`: sampling. `lbp`: loopy belief propagation.
   * `meanfield`: variational. `auto` (the default) takes the exact method that is cheaper; where both are beyond `maxCells`, it
   * samples.
   */
  readonly method?: QueryMethod | undefined
  /** How many to draw; 20,000 by default. */
  readonly samples?: number | undefined
  /** Makes drawing repeatable; 1 by default. */
  readonly seed?: number | undefined
}

/** Options of the best assignments. */
export interface BestOptions extends QuestionOptions {
  /** How many assignments; 1 by default. */
  readonly count?: number | undefined
}

/** An assignment and how probable it is. */
export interface ProbableAssignment {
  /** State by variable. */
  readonly states: Readonly<Record<string, string>>
  /** ln P(assignment, findings). */
  readonly logJoint: number
  /** P(assignment | findings). */
  readonly probability: number
}

/** A joint posterior over several variables. */
export interface JointPosterior {
  readonly variables: readonly string[]
  /** Number of states of each. */
  readonly shape: readonly number[]
  /** Row-major: the last variable fastest. */
  readonly table: Float64Array
  readonly logEvidence: number
}

/** What explanations ask of a network. */
export interface Questionable {
  readonly network: BayesianNetwork
  states(variable: string): readonly string[]
  query<const Name extends string>(targets?: Name | readonly Name[], options?: QueryOptions): Posteriors<Name>
  queryAsync<const Name extends string>(targets?: Name | readonly Name[], options?: QueryOptions): Promise<Posteriors<Name>>
  joint(targets: readonly string[], options?: QuestionOptions): JointPosterior
}
