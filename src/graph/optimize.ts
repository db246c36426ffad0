import type { Graph } from './graph.ts'

/** A rewriting of graphs that keeps what they compute. */
export interface Rule {
  readonly name: string
  /** The rewritten graph, or the same object when there was nothing to do. */
  apply(graph: Graph): Graph
}

const RULES: readonly Rule[] = []

/** Applies every rule, in order. */
export function optimize(graph: Graph): Graph {
  return RULES.reduce((current, rule) => rule.apply(current), graph)
}
