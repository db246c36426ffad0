import { HenceError } from '../../core/index.ts'
import { combinations } from './combinations.ts'
import type { Given } from './evidence.ts'
import type { Questionable } from './question.ts'

/** States of a few variables that explain the findings. */
export interface RelevantExplanation {
  readonly states: Readonly<Record<string, string>>
  /** P(findings | states) / P(findings | not these states): the generalised Bayes factor. */
  readonly bayesFactor: number
  readonly prior: number
  readonly posterior: number
}

/** What `BayesNet.mostRelevant()` is asked. */
export interface MostRelevantOptions extends Given {
  /** The most variables of one explanation; 2 by default. */
  readonly maxVariables?: number | undefined
  /** How many explanations; 10 by default. */
  readonly count?: number | undefined
  readonly maxCells?: number | undefined
}

/** Sets of variables that are gone through, at most. */
const MAX_SETS = 20_000

/**
 * Most relevant explanations: among the states of small sets of variables those that raise the probability of the findings most.
 * Unlike the most probable explanation it leaves out what is beside the point. An explanation that has a better one within it
 * is not listed.
 *
 * Source: Yuan, Lim & Lu, "Most relevant explanation in Bayesian networks" (2011).
 *
 * @throws HenceError as `query`; `INFERENCE_TOO_LARGE` for too many sets
 */
export function findMostRelevant(net: Questionable, targets: readonly string[], options: MostRelevantOptions): RelevantExplanation[] {
  const { given = {}, do: done, maxVariables = 2, count = 10, maxCells } = options
  const free = targets.filter(
    name => typeof given[name] !== 'string' && typeof given[name] !== 'number' && !Object.hasOwn(done ?? {}, name),
  )
  const found: RelevantExplanation[] = []
  let sets = 0
  for (let size = 1; size <= Math.min(maxVariables, free.length); size++) {
    for (const names of combinations(free, size)) {
      if (++sets > MAX_SETS)
        throw new HenceError('INFERENCE_TOO_LARGE', `more than ${MAX_SETS} sets of up to ${maxVariables} of ${free.length} variables`, {
          limit: MAX_SETS,
          hint: 'Name fewer variables, or lower { maxVariables }.',
        })
      const after = net.joint(names, { given, do: done, maxCells }).table
      const before = net.joint(names, { do: done, maxCells }).table
      for (let i = 0; i < after.length; i++) {
        const prior = before[i]!
        const posterior = after[i]!
        if (prior === 0 || posterior === 0 || prior === 1) continue
        const bayesFactor = (posterior * (1 - prior)) / (prior * Math.max(1 - posterior, Number.MIN_VALUE))
        found.push({ states: statesAt(net, names, i), bayesFactor, prior, posterior })
      }
    }
  }
  found.sort((a, b) => b.bayesFactor - a.bayesFactor || Object.keys(a.states).length - Object.keys(b.states).length)
  const listed: RelevantExplanation[] = []
  for (const candidate of found) {
    if (listed.length === count) break
    if (!listed.some(better => isWithin(better.states, candidate.states))) listed.push(candidate)
  }
  return listed
}

function isWithin(small: Readonly<Record<string, string>>, large: Readonly<Record<string, string>>): boolean {
  return Object.entries(small).every(([name, state]) => large[name] === state)
}

function statesAt(net: Questionable, names: readonly string[], index: number): Record<string, string> {
  let rest = index
  const states = names.toReversed().map((name): [string, string] => {
    const own = net.states(name)
    const state = own[rest % own.length]!
    rest = Math.floor(rest / own.length)
    return [name, state]
  })
  return Object.fromEntries(states.reverse())
}
