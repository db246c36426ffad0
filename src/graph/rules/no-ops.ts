import type { Graph, GraphNode } from '../graph.ts'
import { readBy, useCounts } from '../graph.ts'
import type { Rule } from './rule.ts'

/** True when the first output is the first input. */
function isNoOp(graph: Graph, { domain, op, inputs, outputs, attributes }: GraphNode, isRead: (value: string) => boolean): boolean {
  if (domain !== '' || outputs.slice(1).some(isRead)) return false
  if (op === 'Identity') return true
  if (op !== 'Dropout') return false
  // Training mode is an operand since operator set 12, an attribute before 7.
  const training = inputs[2] ? graph.constants.get(inputs[2]) : undefined
  return inputs[2] ? training !== undefined && Number(training.data[0]) === 0 : attributes['is_test'] === undefined
}

/** Nodes that hand their input on go; who read them reads the input. */
export const noOps: Rule = {
  name: 'no-ops',
  apply(graph) {
    const renamed = new Map<string, string>()
    const outputs = new Set(graph.outputs)
    const captured = new Set(graph.nodes.flatMap(node => readBy(node).filter(name => !node.inputs.includes(name))))
    const uses = useCounts(graph)
    const nodes = []
    for (const node of graph.nodes) {
      const inputs = node.inputs.map(name => renamed.get(name) ?? name)
      const [result] = node.outputs as [string]
      // Outputs keep their names, and bodies the names they refer to.
      if (isNoOp(graph, node, name => uses.has(name)) && !outputs.has(result) && !captured.has(result)) renamed.set(result, inputs[0]!)
      else nodes.push(inputs.some((name, i) => name !== node.inputs[i]) ? { ...node, inputs } : node)
    }
    return renamed.size === 0 ? graph : { ...graph, nodes }
  },
}
