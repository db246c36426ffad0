import { elementCount } from '../../core/index.ts'
import { onnxElementType } from '../../formats/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { isCodes } from './expansion.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** A product of codes as whole numbers that is made a float and scaled at once, and the nodes it ends up in. */
function scaledSums(rewriter: Rewriter, node: GraphNode): { node: GraphNode; parts: readonly GraphNode[] } | undefined {
  const isConvolution = node.op === 'ConvInteger'
  const [x, w, xZero = '', weightZero = ''] = node.inputs
  const weight = rewriter.constant(w)
  if (node.domain !== '' || !(isConvolution || node.op === 'MatMulInteger') || !isCodes(weight)) return undefined
  const { shape } = weight
  if (isConvolution ? shape.length < 3 || shape.length > 4 : shape.length !== 2) return undefined
  const cast = rewriter.onlyReader(node.outputs[0]!)
  if (cast?.domain !== '' || cast.op !== 'Cast' || onnxElementType(attributesOf(cast).int('to'))?.dtype !== 'f32') return undefined
  const product = rewriter.onlyReader(cast.outputs[0]!)
  if (product?.domain !== '' || product.op !== 'Mul') return undefined
  const scale = product.inputs.find(name => name !== cast.outputs[0])
  const scales = scale && scalesOf(rewriter, scale, isConvolution ? shape[0]! : shape[1]!, isConvolution ? shape.length : 1)
  if (!scales) return undefined
  return {
    parts: [node, cast, product],
    node: {
      ...node,
      domain: 'hence',
      op: isConvolution ? 'QuantisedConv' : 'QuantisedLinear',
      inputs: [x!, w!, '', '', scales[0], xZero, scales[1], weightZero],
      outputs: product.outputs,
    },
  }
}

/** A scale as that of x and that of the weight: the product of one that was found while running and a known one, or a known one alone. */
function scalesOf(rewriter: Rewriter, scale: string, outputs: number, rank: number): readonly [x: string, weight: string] | undefined {
  const vector = (name: string | undefined): string | undefined => {
    const tensor = rewriter.constant(name)
    const count = tensor && elementCount(tensor.shape)
    if (tensor?.dtype !== 'f32' || tensor.shape.length > Math.max(rank, 1)) return undefined
    const isPerOutput = count === outputs && (tensor.shape.at(-rank) ?? 1) === outputs
    if (count !== 1 && !isPerOutput) return undefined
    return tensor.shape.length <= 1 ? name : rewriter.addConstant(`${name} in a row`, { ...tensor, shape: [count] })
  }
  const known = vector(scale)
  if (known) return [rewriter.addConstant('one', { dtype: 'f32', shape: [], data: Float32Array.of(1) }), known]
  const node = rewriter.producer(scale)
  if (node?.domain !== '' || node.op !== 'Mul') return undefined
  for (const [own, other] of [node.inputs, [...node.inputs].reverse()] as [string, string][]) {
    const made = rewriter.producer(own)
    const weight = made?.op === 'DynamicQuantizeLinear' && made.domain === '' && made.outputs[1] === own ? vector(other) : undefined
    if (weight) return [own, weight]
  }
  return undefined
}

/**
 * Whole sums of codes that are scaled at once, as dynamic quantisation writes them, become `hence.QuantisedLinear` and
 * `hence.QuantisedConv`.
 */
export const nameScaledSums: Rule = {
  name: 'scaled sums of codes',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) {
      const found = scaledSums(rewriter, node)
      if (found) rewriter.replace(found.parts, found.node)
    }
    return rewriter.finish()
  },
}
