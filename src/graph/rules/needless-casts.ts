import type { ElementType } from '../../core/index.ts'
import { onnxElementType } from '../../formats/index.ts'
import { attributesOf, type Graph, type GraphNode } from '../graph.ts'
import type { Rule } from './rule.ts'

/** Operators whose first result has the element type of their first operand. */
const KEEPS_TYPE = new Set(
  (
    'Abs Add Clip Concat Conv Div Dropout Erf Exp Expand Flatten Gather Gelu Gemm HardSwish Identity LayerNormalization LeakyRelu Log ' +
    'MatMul Mul Neg Pad Pow Reciprocal ReduceMean ReduceSum Relu Reshape Sigmoid Slice Softmax Sqrt Squeeze Sub Swish Tanh Transpose Unsqueeze'
  ).split(' '),
)

/** Element types of values as far as they follow from inputs and constants. */
function elementTypes(graph: Graph): Map<string, ElementType> {
  const types = new Map<string, ElementType>()
  for (const { name, type } of graph.inputs) if (type?.kind === 'tensor' && type.dtype) types.set(name, type.dtype)
  for (const [name, { dtype }] of graph.constants) types.set(name, dtype)
  for (const node of graph.nodes) {
    const type = resultType(node, types)
    if (type && node.outputs[0]) types.set(node.outputs[0], type)
  }
  return types
}

function resultType(node: GraphNode, types: ReadonlyMap<string, ElementType>): ElementType | undefined {
  if (node.domain !== '') return undefined
  if (node.op === 'Cast') return onnxElementType(attributesOf(node).int('to'))?.dtype
  if (node.op === 'Shape' || node.op === 'Size') return 'i64'
  return KEEPS_TYPE.has(node.op) ? types.get(node.inputs[0]!) : undefined
}

/** Casts of values that have the type already become identities. */
export const needlessCasts: Rule = {
  name: 'needless casts',
  apply(graph) {
    const types = elementTypes(graph)
    const isNeedless = (node: GraphNode): boolean =>
      node.domain === '' &&
      node.op === 'Cast' &&
      resultType(node, types) !== undefined &&
      resultType(node, types) === types.get(node.inputs[0]!)
    if (!graph.nodes.some(isNeedless)) return graph
    return { ...graph, nodes: graph.nodes.map(node => (isNeedless(node) ? { ...node, op: 'Identity', attributes: {} } : node)) }
  },
}
