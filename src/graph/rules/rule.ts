import type { Graph } from '../graph.ts'

/** A rewriting of graphs that keeps what they compute, up to rounding. */
export interface Rule {
  readonly name: string
  /** The rewritten graph, or the same object when there was nothing to do. */
  apply(graph: Graph): Graph | Promise<Graph>
}
