import { elementCount, makeLazy } from '../../core/index.ts'
import { type Graph, type GraphNode, readBy } from '../graph.ts'
import type { GraphTensor, Value } from '../operator.ts'
import { computeNode } from '../run-step.ts'
import type { Rule } from './rule.ts'

/** Operators that give something else every time. */
export const NOT_FOLDED: ReadonlySet<string> = new Set(
  'RandomNormal RandomNormalLike RandomUniform RandomUniformLike Bernoulli Multinomial Dropout'.split(' '),
)

/** Results with more elements than this are computed at every run rather than kept. */
const MAX_FOLDED_ELEMENTS = 1 << 26

/** True when a node can be computed once and for all. */
export function isFoldable(node: GraphNode, isKnown: (value: string) => boolean): boolean {
  return !NOT_FOLDED.has(node.op) && readBy(node).every(isKnown)
}

/** True for a node that makes floats of 8-bit weights. */
function isDequantisedWeight({ domain, op, inputs }: GraphNode, constants: ReadonlyMap<string, Value>): boolean {
  const codes = constants.get(inputs[0] ?? '')
  if (domain !== '' || op !== 'DequantizeLinear' || codes === undefined || !('data' in codes)) return false
  return (codes.dtype === 'u8' || codes.dtype === 'i8') && codes.shape.length > 1
}

/** Results smaller than this are kept in any case. */
const SMALLEST_LAZY_ELEMENTS = 1 << 14

/** The results of a node by name; large numbers are released when nothing but the backend read them, and computed again when asked for. */
async function fold(node: GraphNode, graph: Graph, constants: ReadonlyMap<string, Value>): Promise<Map<string, Value>> {
  // No more than these, or all that was ever folded would stay.
  const operands = new Map(readBy(node).map(name => [name, constants.get(name)!]))
  const compute = () => computeNode(node, graph, name => operands.get(name), {})
  const found = compute()
  const isAtOnce = !(found instanceof Promise)
  const values = await found
  const results = new Map<string, Value>()
  const read = [...operands.values(), ...Object.values(node.attributes).map(attribute => attribute.value)]
  const from = read.filter((value): value is GraphTensor => typeof value === 'object' && 'data' in value)
  for (const [i, name] of node.outputs.entries()) {
    const value = values[i]
    if (name === '' || !value) continue
    if (!isAtOnce || !('data' in value) || elementCount(value.shape) < SMALLEST_LAZY_ELEMENTS) results.set(name, value)
    else {
      const { dtype, shape, data } = value
      const again = (): GraphTensor['data'] => (compute() as readonly (GraphTensor | undefined)[])[i]!.data
      results.set(name, makeLazy({ dtype, shape }, data, again, from))
    }
  }
  return results
}

function folding(name: string, isLeft: typeof isDequantisedWeight): Rule {
  return {
    name,
    async apply(graph) {
      const constants = new Map<string, Value>(graph.constants)
      const nodes: GraphNode[] = []
      for (const node of graph.nodes) {
        const isFolded = isFoldable(node, value => constants.has(value)) && !isLeft(node, constants)
        const results = isFolded ? await fold(node, graph, constants) : new Map<string, Value>()
        const isKept =
          results.size > 0 && [...results.values()].every(value => 'data' in value && elementCount(value.shape) <= MAX_FOLDED_ELEMENTS)
        if (isKept) for (const [result, value] of results) constants.set(result, value)
        else nodes.push(node)
      }
      if (nodes.length === graph.nodes.length) return graph
      return { ...graph, nodes, constants: constants as ReadonlyMap<string, GraphTensor> }
    },
  }
}

/** Nodes whose operands are all known are computed now. */
export const foldConstants: Rule = folding('constants', () => false)

/** {@link foldConstants}, but 8-bit weights stay as they are, for the rules that look for them. */
export const foldAllButWeights: Rule = folding('constants but 8-bit weights', isDequantisedWeight)
