import { type GraphNode, readBy } from '../graph.ts'
import type { Rule } from './rule.ts'

const NOT_SHARED = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Bernoulli',
  'Multinomial',
  'Dropout',
])

/** What a node computes, as text; undefined where two equal texts need not mean equal results. */
function keyOf(node: GraphNode, inputs: readonly string[]): string | undefined {
  if (NOT_SHARED.has(node.op)) return undefined
  const attributes = Object.entries(node.attributes).sort(([a], [b]) => (a < b ? -1 : 1))
  if (attributes.some(([, { type }]) => !/^(int|float|string|ints|floats|strings)$/.test(type))) return undefined
  return JSON.stringify([node.domain, node.op, node.version, inputs, node.outputs.map(name => name !== ''), attributes])
}

/** Of several nodes that compute the same from the same values, one stays. */
export const commonSubexpressions: Rule = {
  name: 'common subexpressions',
  apply(graph) {
    const known = new Map<string, GraphNode>()
    const renamed = new Map<string, string>()
    const outputs = new Set(graph.outputs)
    const captured = new Set(graph.nodes.flatMap(node => readBy(node).filter(name => !node.inputs.includes(name))))
    const nodes: GraphNode[] = []
    for (const node of graph.nodes) {
      const inputs = node.inputs.map(name => renamed.get(name) ?? name)
      const key = keyOf(node, inputs)
      const same = key === undefined ? undefined : known.get(key)
      if (same && !node.outputs.some(name => outputs.has(name) || captured.has(name))) {
        for (const [i, name] of node.outputs.entries()) if (name !== '') renamed.set(name, same.outputs[i]!)
        continue
      }
      const kept = inputs.some((name, i) => name !== node.inputs[i]) ? { ...node, inputs } : node
      if (key !== undefined && !same) known.set(key, kept)
      nodes.push(kept)
    }
    return renamed.size === 0 ? graph : { ...graph, nodes }
  },
}
