import { type DiscreteNetworkDescription, HenceError } from '../../core/index.ts'
import { DEFAULT_MAX_CELLS } from './compiled-network.ts'
import { FamilyMarginals } from './family-marginals.ts'
import { type BayesianNetwork, buildNetwork } from './network.ts'
import { oneState } from './one-state.ts'

/** A case: states by variable, by name or number. What is absent, null or undefined is missing. */
export type DataRow = Readonly<Record<string, string | number | null | undefined>>

/** How tables are learnt. */
export interface LearnOptions {
  /** Cases added to every cell of every table before counting: a symmetric Dirichlet prior. 1 by default. */
  readonly pseudoCount?: number | undefined
  /** Spreads this many cases evenly over every table instead (BDeu). */
  readonly equivalentSampleSize?: number | undefined
  /** Rounds of expectation maximisation, where values are missing; 100 by default. */
  readonly maxIterations?: number | undefined
  /** Ends when ln P(data) gains less than this for each case; 1e-6 by default. */
  readonly tolerance?: number | undefined
  readonly maxCells?: number | undefined
}

/** Learnt tables and how it went. */
export interface LearntNetwork {
  readonly network: BayesianNetwork
  readonly cases: number
  /** Values that were missing. */
  readonly missing: number
  /** ln P(data) after each round but the last; it never falls but for the prior. One entry when nothing was missing. */
  readonly logLikelihoods: readonly number[]
  readonly hasConverged: boolean
}

/**
 * Learns the tables of a network from cases: counts where they are complete, expectation maximisation where values are missing.
 *
 * Source: Dempster, Laird & Rubin (1977); Lauritzen, "The EM algorithm for graphical association models" (1995).
 *
 * @throws HenceError `OPTION_INVALID` for unknown columns and states, `EVIDENCE_IMPOSSIBLE`, `INFERENCE_TOO_LARGE`
 */
export function learnTables(network: BayesianNetwork, rows: Iterable<DataRow>, options: LearnOptions = {}): LearntNetwork {
  const { maxIterations = 100, tolerance = 1e-6, maxCells = DEFAULT_MAX_CELLS } = options
  const { patterns, cases, missing } = countPatterns(network, rows)
  const isComplete = missing === 0
  // Where values are missing the tables that are there are the start: a uniform one would leave hidden variables symmetric.
  let current = network
  const logLikelihoods: number[] = []
  for (let iteration = 0; ; iteration++) {
    const counts = network.variables.map(({ cpt }) => new Float64Array(cpt.length))
    const logLikelihood = isComplete ? countComplete(network, patterns, counts) : expect(current, patterns, counts, maxCells)
    current = withTables(
      network,
      counts.map((table, v) => estimate(table, network.variables[v]!.states.length, options)),
    )
    if (isComplete) return { network: current, cases, missing, logLikelihoods: [logLikelihoodOf(current, patterns)], hasConverged: true }
    const hasConverged = iteration > 0 && logLikelihood - logLikelihoods.at(-1)! < tolerance * cases
    logLikelihoods.push(logLikelihood)
    if (hasConverged || iteration + 1 >= maxIterations) return { network: current, cases, missing, logLikelihoods, hasConverged }
  }
}

/** Equal cases are counted once. States by variable, -1 for missing. */
interface Pattern {
  readonly states: Int32Array
  count: number
}

function countPatterns(network: BayesianNetwork, rows: Iterable<DataRow>): { patterns: Pattern[]; cases: number; missing: number } {
  const patterns = new Map<string, Pattern>()
  let cases = 0
  let missing = 0
  for (const row of rows) {
    const states = new Int32Array(network.variables.length).fill(-1)
    for (const [name, state] of Object.entries(row)) {
      if (state === null || state === undefined) continue
      const variable = network.indexOf(name)
      states[variable] = network.stateOf(variable, state)
    }
    for (const state of states) if (state < 0) missing++
    cases++
    const key = states.join()
    const known = patterns.get(key)
    if (known) known.count++
    else patterns.set(key, { states, count: 1 })
  }
  if (cases === 0) throw new HenceError('OPTION_INVALID', 'there are no cases to learn from')
  return { patterns: [...patterns.values()], cases, missing }
}

function countComplete({ variables }: BayesianNetwork, patterns: readonly Pattern[], counts: readonly Float64Array[]): number {
  for (const { states, count } of patterns)
    for (const variable of variables) counts[variable.index]![cellOf(variables, variable.index, states)]! += count
  return Number.NaN
}

/** Expected counts given what is known of each case. Returns ln P(data). */
function expect(network: BayesianNetwork, patterns: readonly Pattern[], counts: readonly Float64Array[], maxCells: number): number {
  const { variables } = network
  const marginals = new FamilyMarginals(network, maxCells)
  const set = new Int32Array(variables.length).fill(-1)
  let logLikelihood = 0
  for (const { states, count } of patterns) {
    for (const { index, states: names } of variables) {
      if (states[index] === set[index]) continue
      marginals.set(index, states[index]! < 0 ? undefined : oneState(names.length, states[index]!))
      set[index] = states[index]!
    }
    const logProbability = marginals.collect()
    if (logProbability === Number.NEGATIVE_INFINITY) throw impossibleCase(network, states)
    logLikelihood += count * logProbability
    for (const { index, parents } of variables) {
      const target = counts[index]!
      if (states[index]! >= 0 && parents.every(parent => states[parent]! >= 0)) {
        target[cellOf(variables, index, states)]! += count
        continue
      }
      const family = marginals.family(index)
      for (let i = 0; i < family.length; i++) target[i]! += count * family[i]!
    }
  }
  return logLikelihood
}

function logLikelihoodOf({ variables }: BayesianNetwork, patterns: readonly Pattern[]): number {
  let sum = 0
  for (const { states, count } of patterns)
    for (const { index, cpt } of variables) sum += count * Math.log(cpt[cellOf(variables, index, states)]!)
  return sum
}

function cellOf(variables: BayesianNetwork['variables'], index: number, states: Int32Array): number {
  const { parents, states: names } = variables[index]!
  const row = parents.reduce((at, parent) => at * variables[parent]!.states.length + states[parent]!, 0)
  return row * names.length + states[index]!
}

/** The mean of the Dirichlet posterior of each row; uniform for a row without cases and prior. */
function estimate(counts: Float64Array, width: number, { pseudoCount = 1, equivalentSampleSize }: LearnOptions): Float64Array {
  const added = equivalentSampleSize === undefined ? pseudoCount : equivalentSampleSize / counts.length
  const out = new Float64Array(counts.length)
  for (let row = 0; row < counts.length; row += width) {
    let sum = 0
    for (let i = row; i < row + width; i++) sum += counts[i]! + added
    for (let i = row; i < row + width; i++) out[i] = sum > 0 ? (counts[i]! + added) / sum : 1 / width
  }
  return out
}

/** The same network with other tables. */
export function withTables(network: BayesianNetwork, tables: readonly Float64Array[]): BayesianNetwork {
  return buildNetwork(describeNetwork(network, tables))
}

/** A network as plain data. */
export function describeNetwork({ name, variables }: BayesianNetwork, tables?: readonly Float64Array[]): DiscreteNetworkDescription {
  return {
    name,
    variables: variables.map(({ index, name, states, parents, cpt }) => ({
      name,
      states,
      parents: parents.map(parent => variables[parent]!.name),
      table: tables?.[index] ?? cpt,
    })),
  }
}

function impossibleCase({ variables }: BayesianNetwork, states: Int32Array): HenceError {
  const known = variables
    .filter(({ index }) => states[index]! >= 0)
    .map(({ index, name, states: names }) => `${name}=${names[states[index]!]}`)
  return new HenceError('EVIDENCE_IMPOSSIBLE', `the tables to start from give a case probability zero: ${known.join(', ')}`, {
    findings: known,
    hint: 'Start from tables without zeros.',
  })
}
