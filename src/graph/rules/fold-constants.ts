import { elementCount } from '../../core/index.ts'
import { type GraphNode, readBy } from '../graph.ts'
import type { GraphTensor, Value } from '../operator.ts'
import { runHostStep } from '../run-step.ts'
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

function folding(name: string, isLeft: typeof isDequantisedWeight): Rule {
  return {
    name,
    async apply(graph) {
      const constants = new Map<string, Value>(graph.constants)
      const nodes: GraphNode[] = []
      for (const node of graph.nodes) {
        const results = new Map<string, Value>()
        if (isFoldable(node, value => constants.has(value)) && !isLeft(node, constants))
          await runHostStep(node, graph, results, constants, {})
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
