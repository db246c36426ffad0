import { elementCount } from '../../core/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** The number a constant of one element holds. */
function scalar(rewriter: Rewriter, name: string | undefined): number | undefined {
  const tensor = rewriter.constant(name)
  return tensor && elementCount(tensor.shape) === 1 && tensor.dtype === 'f32' ? Number(tensor.data[0]) : undefined
}

const isClose = (a: number | undefined, b: number): boolean => a !== undefined && Math.abs(a - b) <= 1e-4 * Math.abs(b)

/** The other operand of a commutative node when one is a given constant. */
function times(rewriter: Rewriter, node: GraphNode | undefined, op: 'Mul' | 'Add', constant: number): string | undefined {
  if (node?.domain !== '' || node.op !== op) return undefined
  const [a, b] = node.inputs
  return isClose(scalar(rewriter, b), constant) ? a : isClose(scalar(rewriter, a), constant) ? b : undefined
}

/** x · sigmoid(x), the sigmoid used for nothing else. */
function swish(rewriter: Rewriter, node: GraphNode): { x: string; parts: GraphNode[] } | undefined {
  if (node.op !== 'Mul') return undefined
  for (const [gate, x] of [node.inputs, [...node.inputs].reverse()] as string[][]) {
    const sigmoid = rewriter.onlyProducer(gate)
    if (sigmoid?.domain === '' && sigmoid.op === 'Sigmoid' && sigmoid.inputs[0] === x) return { x: x!, parts: [sigmoid, node] }
  }
  return undefined
}

/** x · hardSigmoid(x) with slope 1/6, or x · clip(x + 3, 0, 6) / 6. */
function hardSwish(rewriter: Rewriter, node: GraphNode): { x: string; parts: GraphNode[] } | undefined {
  if (node.op !== 'Mul') return undefined
  for (const [gate, x] of [node.inputs, [...node.inputs].reverse()] as string[][]) {
    const hard = rewriter.onlyProducer(gate)
    if (hard?.domain !== '' || hard.op !== 'HardSigmoid' || hard.inputs[0] !== x) continue
    const attributes = attributesOf(hard)
    if (isClose(attributes.float('alpha', 0.2), 1 / 6) && isClose(attributes.float('beta', 0.5), 0.5)) return { x: x!, parts: [hard, node] }
  }
  return undefined
}

/** x · (1 + erf(x / √2)) · ½, in any order of the products. */
function gelu(rewriter: Rewriter, node: GraphNode): { x: string; parts: GraphNode[] } | undefined {
  if (node.op !== 'Mul') return undefined
  // The factor ½ is the outermost product, or belongs to one of the two operands.
  const halved = times(rewriter, node, 'Mul', 0.5)
  const product = halved === undefined ? node : rewriter.onlyProducer(halved)
  if (product?.domain !== '' || product.op !== 'Mul') return undefined
  for (const [gate, other] of [product.inputs, [...product.inputs].reverse()] as [string, string][]) {
    const sum = rewriter.onlyProducer(gate)
    const erfName = times(rewriter, sum, 'Add', 1)
    const erf = rewriter.onlyProducer(erfName)
    if (erf?.domain !== '' || erf.op !== 'Erf') continue
    const scaled = rewriter.onlyProducer(erf.inputs[0])
    const x =
      scaled?.domain === '' && scaled.op === 'Div' && isClose(scalar(rewriter, scaled.inputs[1]), Math.SQRT2)
        ? scaled.inputs[0]
        : times(rewriter, scaled, 'Mul', Math.SQRT1_2)
    if (x === undefined) continue
    const parts = [scaled!, erf, sum!, product]
    if (halved !== undefined && other === x) return { x, parts: [...parts, node] }
    const half = rewriter.onlyProducer(other)
    if (halved === undefined && half && times(rewriter, half, 'Mul', 0.5) === x) return { x, parts: [half, ...parts] }
  }
  return undefined
}

const PATTERNS = [
  { op: 'Swish', version: 24, find: swish },
  { op: 'HardSwish', version: 14, find: hardSwish },
  { op: 'Gelu', version: 20, find: gelu },
] as const

/** Activations that exporters spell out get their names back. */
export const nameActivations: Rule = {
  name: 'activations by name',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) {
      if (node.domain !== '') continue
      for (const { op, version, find } of PATTERNS) {
        const found = find(rewriter, node)
        if (!found) continue
        rewriter.replace(found.parts, {
          name: node.name,
          domain: '',
          op,
          version,
          inputs: [found.x],
          outputs: node.outputs,
          attributes: {},
        })
        break
      }
    }
    return rewriter.finish()
  },
}
