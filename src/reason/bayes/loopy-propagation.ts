import { normalize } from './normalize.ts'
import type { Steps } from './steps.ts'
import { multiplyStrided, planStrides, type StridedPlan, sumStrided } from './strided.ts'
import type { Subproblem } from './subproblem.ts'

/** What iterating came to. Beliefs are by variable of the subproblem. */
export interface IteratedBeliefs {
  readonly beliefs: readonly Float64Array[]
  /** For loopy propagation Bethe's estimate of ln P(findings), for mean field a lower bound. */
  readonly logEvidence: number
  readonly iterations: number
  readonly hasConverged: boolean
}

const MAX_ITERATIONS = 500
/** The largest change of a message at which iterating ends. */
const TOLERANCE = 1e-10
/** The share of the old message that is kept; it settles oscillations. */
const DAMPING = 0.3

/** One end of a factor. Messages are over the states of the variable. */
interface Edge {
  readonly factor: number
  readonly variable: number
  readonly plan: StridedPlan
  readonly toFactor: Float64Array
  readonly toVariable: Float64Array
}

/**
 * Loopy belief propagation on the factor graph: exact on trees, a good guess on most other networks, with no promise.
 *
 * Source: Pearl (1988); Yedidia, Freeman & Weiss (2005) on the free energy that its fixed points are stationary for.
 */
export function* propagateLoopy({ cards, factors, logConstant }: Subproblem): Steps<IteratedBeliefs> {
  const edges: Edge[] = factors.flatMap(({ scope }, factor) =>
    scope.map(variable => ({
      factor,
      variable,
      plan: planStrides(scope, [variable], cards),
      toFactor: uniform(cards[variable]!),
      toVariable: uniform(cards[variable]!),
    })),
  )
  const ofFactor = factors.map((_, i) => edges.filter(edge => edge.factor === i))
  const ofVariable = Array.from(cards, (): Edge[] => [])
  for (const edge of edges) ofVariable[edge.variable]!.push(edge)
  const work = factors.map(({ table }) => new Float64Array(table.length))
  let iterations = 0
  let change = Number.POSITIVE_INFINITY
  while (iterations < MAX_ITERATIONS && change > TOLERANCE) {
    change = 0
    for (const [i, { table }] of factors.entries()) {
      const own = ofFactor[i]!
      for (const edge of own) {
        multiplyOthers(edge, ofVariable[edge.variable]!)
        normalize(edge.toFactor)
      }
      const belief = work[i]!
      for (const edge of own) {
        belief.set(table)
        for (const other of own) if (other !== edge) multiplyStrided(belief, other.toFactor, other.plan)
        const message = new Float64Array(cards[edge.variable]!)
        sumStrided(belief, message, edge.plan)
        if (normalize(message) === 0) return { beliefs: [], logEvidence: Number.NEGATIVE_INFINITY, iterations, hasConverged: false }
        for (let s = 0; s < message.length; s++) {
          const next = (1 - DAMPING) * message[s]! + DAMPING * edge.toVariable[s]!
          change = Math.max(change, Math.abs(next - edge.toVariable[s]!))
          // A zero is certain at once; damping would only let it fade.
          edge.toVariable[s] = message[s] === 0 ? 0 : next
        }
      }
    }
    iterations++
    yield
  }
  const beliefs = Array.from(cards, (card, variable) => {
    const belief = uniform(card)
    for (const { toVariable } of ofVariable[variable]!) for (let s = 0; s < card; s++) belief[s]! *= toVariable[s]!
    normalize(belief)
    return belief
  })
  let logEvidence = logConstant
  for (const [i, { table }] of factors.entries()) {
    const belief = work[i]!
    belief.set(table)
    for (const edge of ofFactor[i]!) {
      multiplyOthers(edge, ofVariable[edge.variable]!)
      multiplyStrided(belief, edge.toFactor, edge.plan)
    }
    normalize(belief)
    for (let k = 0; k < belief.length; k++) if (belief[k]! > 0) logEvidence += belief[k]! * Math.log(table[k]! / belief[k]!)
  }
  for (const [variable, belief] of beliefs.entries()) {
    const others = ofVariable[variable]!.length - 1
    for (let s = 0; s < belief.length; s++) if (belief[s]! > 0) logEvidence += others * belief[s]! * Math.log(belief[s]!)
  }
  return { beliefs, logEvidence, iterations, hasConverged: change <= TOLERANCE }
}

/** The message of a variable to a factor: the product of what the other factors say. */
function multiplyOthers(edge: Edge, edges: readonly Edge[]): void {
  const { toFactor } = edge
  toFactor.fill(1)
  for (const other of edges) if (other !== edge) for (let s = 0; s < toFactor.length; s++) toFactor[s]! *= other.toVariable[s]!
}

function uniform(card: number): Float64Array {
  return new Float64Array(card).fill(1 / card)
}
