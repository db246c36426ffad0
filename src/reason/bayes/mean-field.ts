import type { IteratedBeliefs } from './loopy-propagation.ts'
import { normalize } from './normalize.ts'
import type { Steps } from './steps.ts'
import { multiplyStrided, planStrides, sumStrided } from './strided.ts'
import type { Subproblem } from './subproblem.ts'

/** Rounds of coordinate ascent, and the gain of the bound at which they end. */
const MAX_ROUNDS = 1000
const MIN_GAIN = 1e-10
/** Stands for zero in logarithms; large enough that no product of real probabilities competes with it. */
const LOG_ZERO = -1e4

/**
 * Mean field: the product of marginals closest to the posterior. Its bound never exceeds ln P(findings); its marginals are
 * too sure of themselves.
 *
 * Source: Saul, Jaakkola & Jordan (1996); Wainwright & Jordan (2008), section 5.
 */
export function* ascendMeanField({ cards, factors, logConstant }: Subproblem): Steps<IteratedBeliefs> {
  const beliefs = Array.from(cards, card => new Float64Array(card).fill(1 / card))
  const logTables = factors.map(({ table }) => table.map(value => (value === 0 ? LOG_ZERO : Math.log(value))))
  const plans = factors.map(({ scope }) => scope.map(variable => planStrides(scope, [variable], cards)))
  const ofVariable = Array.from(cards, (): { factor: number; place: number }[] => [])
  for (const [factor, { scope }] of factors.entries())
    for (const [place, variable] of scope.entries()) ofVariable[variable]!.push({ factor, place })
  const expect = (factor: number, besides: number): Float64Array => {
    const { scope } = factors[factor]!
    const table = Float64Array.from(logTables[factor]!)
    for (const [place, variable] of scope.entries())
      if (place !== besides) multiplyStrided(table, beliefs[variable]!, plans[factor]![place]!)
    return table
  }
  let bound = Number.NEGATIVE_INFINITY
  let iterations = 0
  let hasConverged = false
  while (iterations < MAX_ROUNDS && !hasConverged) {
    for (let variable = 0; variable < beliefs.length; variable++) {
      const logs = new Float64Array(cards[variable]!)
      for (const { factor, place } of ofVariable[variable]!) sumStrided(expect(factor, place), logs, plans[factor]![place]!)
      const most = logs.reduce((a, b) => Math.max(a, b))
      for (let s = 0; s < logs.length; s++) logs[s] = Math.exp(logs[s]! - most)
      normalize(logs)
      beliefs[variable]!.set(logs)
    }
    let next = logConstant
    for (let factor = 0; factor < factors.length; factor++) next += expect(factor, -1).reduce((sum, value) => sum + value, 0)
    for (const belief of beliefs) for (const p of belief) if (p > 0) next -= p * Math.log(p)
    hasConverged = next - bound < MIN_GAIN
    bound = next
    iterations++
    yield
  }
  return { beliefs, logEvidence: bound, iterations, hasConverged }
}
