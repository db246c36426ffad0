import { readBy } from '../graph.ts'
import type { Rule } from './rule.ts'

/** Nodes and constants that no output depends on go. */
export const deadCode: Rule = {
  name: 'dead code',
  apply(graph) {
    const live = new Set(graph.outputs)
    const nodes = []
    for (const node of [...graph.nodes].reverse()) {
      if (!node.outputs.some(name => live.has(name))) continue
      nodes.push(node)
      for (const name of readBy(node)) live.add(name)
    }
    const constants = new Map([...graph.constants].filter(([name]) => live.has(name)))
    if (nodes.length === graph.nodes.length && constants.size === graph.constants.size) return graph
    return { ...graph, nodes: nodes.reverse(), constants }
  },
}
