import { elementCount } from '../../core/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

function isOp<Op extends string>(node: GraphNode | undefined, op: Op): node is GraphNode & { readonly op: Op } {
  return node?.domain === '' && node.op === op
}

/** What a transposition with this order of axes moves. */
function untransposed(node: GraphNode | undefined, order: string): string | undefined {
  return isOp(node, 'Transpose') && attributesOf(node).ints('perm', []).join() === order ? node.inputs[0] : undefined
}

/** The number a node multiplies with, and what it multiplies. */
function scaled(rewriter: Rewriter, node: GraphNode | undefined): { value: string; factor: number } | undefined {
  if (!isOp(node, 'Mul') && !isOp(node, 'Div')) return undefined
  const [a, b] = node.inputs as [string, string]
  const known = rewriter.constant(b) ? b : node.op === 'Mul' && rewriter.constant(a) ? a : undefined
  const tensor = rewriter.constant(known)
  if (tensor?.dtype !== 'f32' || elementCount(tensor.shape) !== 1) return undefined
  const number = Number(tensor.data[0])
  return { value: known === b ? a : b, factor: node.op === 'Mul' ? number : 1 / number }
}

interface Found {
  readonly query: string
  readonly key: string
  readonly value: string
  readonly mask: string | undefined
  readonly scale: number
  readonly parts: readonly GraphNode[]
}

/** The attention whose heads `last` puts side by side again: Transpose(Softmax(Q·Kᵀ·scale + mask)·V). */
function find(rewriter: Rewriter, last: GraphNode): Found | undefined {
  const weighted = untransposed(last, '0,2,1,3') === undefined ? undefined : rewriter.onlyProducer(last.inputs[0])
  if (!isOp(weighted, 'MatMul')) return undefined
  const softmax = rewriter.onlyProducer(weighted.inputs[0])
  const values = rewriter.producer(weighted.inputs[1])
  const value = untransposed(values, '0,2,1,3')
  if (!isOp(softmax, 'Softmax') || value === undefined) return undefined
  const axis = attributesOf(softmax).int('axis', softmax.version < 13 ? 1 : -1)
  if (axis !== -1 && axis !== 3) return undefined
  const parts: GraphNode[] = [softmax, weighted, last]
  let scores = rewriter.onlyProducer(softmax.inputs[0])
  let mask: string | undefined
  if (isOp(scores, 'Add')) {
    // The mask is the operand that is not made of the queries.
    const sides = scores.inputs.map(name => rewriter.onlyProducer(name))
    const at = sides.findIndex(side => isOp(side, 'MatMul') || scaled(rewriter, side) !== undefined)
    if (at < 0) return undefined
    mask = scores.inputs[1 - at]
    parts.unshift(scores)
    scores = sides[at]
  }
  let scale = 1
  const factor = scaled(rewriter, scores)
  if (factor) {
    parts.unshift(scores!)
    scale = factor.factor
    scores = rewriter.onlyProducer(factor.value)
  }
  if (!isOp(scores, 'MatMul')) return undefined
  parts.unshift(scores)
  const query = untransposed(rewriter.producer(scores.inputs[0]), '0,2,1,3')
  const keys = rewriter.producer(scores.inputs[1])
  const headsFirstKeys = untransposed(keys, '0,1,3,2')
  const key = untransposed(keys, '0,2,3,1') ?? untransposed(rewriter.producer(headsFirstKeys), '0,2,1,3')
  return query === undefined || key === undefined ? undefined : { query, key, value, mask, scale, parts }
}

/**
 * Attention spelled out over transposed heads becomes `hence.Attention` over heads as they come out of the projections;
 * the transpositions are left to dead code.
 */
export const nameAttention: Rule = {
  name: 'attention by name',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) {
      const found = isOp(node, 'Transpose') ? find(rewriter, node) : undefined
      if (!found) continue
      const { query, key, value, mask, scale, parts } = found
      rewriter.replace(parts, {
        name: node.name,
        domain: 'hence',
        op: 'Attention',
        version: 1,
        inputs: mask === undefined ? [query, key, value] : [query, key, value, mask],
        outputs: node.outputs,
        attributes: { scale: { type: 'float', value: scale } },
      })
    }
    return rewriter.finish()
  },
}
