import type { Evidence } from './evidence.ts'
import type { BayesianNetwork } from './network.ts'

/** Families (a variable with its parents) by their variable: 1 for those whose table matters. */
export interface Relevance {
  /** Those of targets, findings and all their ancestors. The rest is barren: it sums to 1. */
  readonly ancestral: Uint8Array
  /** Those of them that the findings do not d-separate from the targets. */
  readonly connected: Uint8Array
}

/**
 * What a question depends on. Interventions cut the arcs into their variables.
 *
 * Source: Shachter (1986) on barren nodes; Lauritzen et al. (1990): d-separation is separation in the moral graph of the
 * ancestral set.
 */
export function findRelevant(network: BayesianNetwork, { states, isDone, findings }: Evidence, targets: readonly number[]): Relevance {
  const { variables, children } = network
  const ancestral = new Uint8Array(variables.length)
  const queue = [...targets, ...findings].filter(variable => isDone[variable] !== 1)
  for (const variable of queue) ancestral[variable] = 1
  for (let variable = queue.pop(); variable !== undefined; variable = queue.pop()) {
    for (const parent of variables[variable]!.parents) {
      if (ancestral[parent] === 1 || isDone[parent] === 1) continue
      ancestral[parent] = 1
      queue.push(parent)
    }
  }
  const connected = new Uint8Array(variables.length)
  const isReached = new Uint8Array(variables.length)
  const reached: number[] = []
  const reach = (variable: number): void => {
    if (isReached[variable] === 1 || states[variable]! >= 0) return
    isReached[variable] = 1
    reached.push(variable)
  }
  const join = (family: number): void => {
    if (connected[family] === 1 || ancestral[family] !== 1) return
    connected[family] = 1
    reach(family)
    for (const parent of variables[family]!.parents) reach(parent)
  }
  for (const target of targets) reach(target)
  for (let variable = reached.pop(); variable !== undefined; variable = reached.pop()) {
    join(variable)
    for (const child of children[variable]!) join(child)
  }
  return { ancestral, connected }
}
