import type { InteractionGraph } from './elimination-order.ts'
import type { Evidence } from './evidence.ts'
import { cellCount, type Factor } from './factor.ts'
import type { BayesianNetwork } from './network.ts'
import { fillStrided, planStrides } from './strided.ts'

/** What is left of a network for one question: free variables numbered from 0, and factors over them. */
export interface Subproblem {
  /** By local number: the number in the network. */
  readonly variables: readonly number[]
  readonly cards: Int32Array
  readonly factors: readonly Factor[]
  readonly graph: InteractionGraph
  /** Logarithm of what the findings alone make of the tables: -Infinity when they contradict one. */
  readonly logConstant: number
  /** By number in the network: the local number, -1 for variables that are left out or known. */
  readonly localOf: Int32Array
}

/**
 * The part of a network that a question depends on, with known states cut out of the tables.
 *
 * @param families - by variable: 1 where its table takes part; a free variable of such a table is one of these too
 * @param cliques - sets of network variables that shall be neighbours of each other
 */
export function buildSubproblem(
  network: BayesianNetwork,
  { states, isDone, likelihoods }: Evidence,
  families: Uint8Array,
  cliques: readonly (readonly number[])[] = [],
): Subproblem {
  const localOf = new Int32Array(network.variables.length).fill(-1)
  const variables: number[] = []
  for (const variable of network.order) {
    if (families[variable] !== 1 || states[variable]! >= 0) continue
    localOf[variable] = variables.length
    variables.push(variable)
  }
  const allCards = Int32Array.from(network.variables, variable => variable.states.length)
  const cards = Int32Array.from(variables, variable => allCards[variable]!)
  const factors: Factor[] = []
  let logConstant = 0
  for (const { index, parents, cpt } of network.variables) {
    if (families[index] !== 1 || isDone[index] === 1) continue
    const full = [...parents, index]
    const free = full.filter(variable => states[variable]! < 0)
    const scope = free.map(variable => localOf[variable]!)
    const table = free.length === full.length ? cpt : slice({ scope: full, table: cpt }, free, states, allCards)
    if (free.length === 0) logConstant += Math.log(table[0]!)
    else factors.push({ scope, table })
    const likelihood = likelihoods.get(index)
    if (likelihood) factors.push({ scope: [localOf[index]!], table: likelihood })
  }
  const graph = { cards, neighbours: interactions([...factors.map(({ scope }) => scope), ...cliques.map(localNumbers)], cards.length) }
  return { variables, cards, factors, graph, logConstant, localOf }

  function localNumbers(clique: readonly number[]): number[] {
    return clique.map(variable => localOf[variable]!).filter(local => local >= 0)
  }
}

/** The part of a table where known variables have their states. */
function slice({ scope, table }: Factor, free: readonly number[], states: Int32Array, cards: Int32Array): Float64Array {
  let offset = 0
  let stride = 1
  for (let i = scope.length - 1; i >= 0; i--) {
    const variable = scope[i]!
    if (states[variable]! >= 0) offset += stride * states[variable]!
    stride *= cards[variable]!
  }
  const out = new Float64Array(cellCount(free, cards))
  fillStrided(out, table.subarray(offset), planStrides(free, scope, cards))
  return out
}

/** Neighbours of each variable: those it shares a scope with. */
export function interactions(scopes: readonly (readonly number[])[], count: number): number[][] {
  const neighbours = Array.from({ length: count }, () => new Set<number>())
  for (const scope of scopes) for (const a of scope) for (const b of scope) if (a !== b) neighbours[a]!.add(b)
  return neighbours.map(set => [...set])
}
