import { elementCount } from '../../core/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** A normalization spelled out over the last axis. */
interface Found {
  readonly kind: 'LayerNormalization' | 'RMSNormalization'
  readonly x: string
  readonly epsilon: number
  readonly scale: string
  readonly bias: string | undefined
  readonly parts: readonly GraphNode[]
}

function isOp<Op extends string>(node: GraphNode | undefined, ...ops: readonly Op[]): node is GraphNode & { readonly op: Op } {
  return node?.domain === '' && (ops as readonly string[]).includes(node.op)
}

/** True when a mean is taken over the last axis alone and keeps it. */
function isLastMean(rewriter: Rewriter, node: GraphNode | undefined): node is GraphNode {
  if (!isOp(node, 'ReduceMean')) return false
  const attributes = attributesOf(node)
  const operand = rewriter.constant(node.inputs[1])
  const axes = operand ? Array.from(operand.data as BigInt64Array, Number) : [...attributes.ints('axes', [])]
  return axes.length === 1 && axes[0] === -1 && attributes.int('keepdims', 1) === 1
}

/** The other operand of a commutative node, when one is a constant. */
function withConstant(rewriter: Rewriter, node: GraphNode | undefined, op: string): { value: string; constant: string } | undefined {
  if (!isOp(node, op)) return undefined
  const [a, b] = node.inputs as [string, string]
  if (rewriter.constant(b)) return { value: a, constant: b }
  return rewriter.constant(a) ? { value: b, constant: a } : undefined
}

/** x² as a power or a product. */
function squareOf(rewriter: Rewriter, node: GraphNode | undefined): string | undefined {
  if (isOp(node, 'Mul')) return node.inputs[0] === node.inputs[1] ? node.inputs[0] : undefined
  if (!isOp(node, 'Pow')) return undefined
  const exponent = rewriter.constant(node.inputs[1])
  return exponent && elementCount(exponent.shape) === 1 && Number(exponent.data[0]) === 2 ? node.inputs[0] : undefined
}

/** √(mean of squares + ε): the value whose squares they are. */
function rootMeanSquare(
  rewriter: Rewriter,
  root: GraphNode | undefined,
): { value: string; epsilon: number; parts: GraphNode[] } | undefined {
  if (!isOp(root, 'Sqrt')) return undefined
  const sum = rewriter.onlyProducer(root.inputs[0])
  const shifted = withConstant(rewriter, sum, 'Add')
  const mean = rewriter.onlyProducer(shifted?.value)
  if (!shifted || !isLastMean(rewriter, mean)) return undefined
  const square = rewriter.onlyProducer(mean.inputs[0])
  const value = squareOf(rewriter, square)
  const epsilon = rewriter.constant(shifted.constant)!
  if (value === undefined || elementCount(epsilon.shape) !== 1 || epsilon.dtype !== 'f32') return undefined
  return { value, epsilon: Number(epsilon.data[0]), parts: [square!, mean, sum!, root] }
}

/** What is divided by its root mean square: as a division, or a product with the reciprocal. */
function normalized(rewriter: Rewriter, node: GraphNode | undefined): { value: string; epsilon: number; parts: GraphNode[] } | undefined {
  if (isOp(node, 'Div')) {
    const found = rootMeanSquare(rewriter, rewriter.onlyProducer(node.inputs[1]))
    return found && found.value === node.inputs[0] ? { ...found, parts: [...found.parts, node] } : undefined
  }
  if (!isOp(node, 'Mul')) return undefined
  for (const [value, inverse] of [node.inputs, [...node.inputs].reverse()] as [string, string][]) {
    const reciprocal = rewriter.onlyProducer(inverse)
    const root =
      isOp(reciprocal, 'Reciprocal') || (isOp(reciprocal, 'Div') && isOne(rewriter, reciprocal.inputs[0]))
        ? rewriter.onlyProducer(reciprocal.inputs.at(-1))
        : undefined
    const found = rootMeanSquare(rewriter, root)
    if (found && found.value === value) return { ...found, parts: [...found.parts, reciprocal!, node] }
  }
  return undefined
}

function isOne(rewriter: Rewriter, name: string | undefined): boolean {
  const tensor = rewriter.constant(name)
  return tensor !== undefined && elementCount(tensor.shape) === 1 && Number(tensor.data[0]) === 1
}

/** The normalization whose product with its scale is `product`. */
function find(rewriter: Rewriter, product: GraphNode): Found | undefined {
  const scaled = withConstant(rewriter, product, 'Mul')
  const scale = rewriter.constant(scaled?.constant)
  if (!scaled || scale?.dtype !== 'f32' || scale.shape.length !== 1) return undefined
  const inner = normalized(rewriter, rewriter.onlyProducer(scaled.value))
  if (!inner) return undefined
  const { value, epsilon, parts } = inner
  const centred = rewriter.producer(value)
  const mean = isOp(centred, 'Sub') ? rewriter.onlyProducer(centred.inputs[1]) : undefined
  // Centred values are read by the squares and by the division, so both are in `parts`.
  if (isOp(centred, 'Sub') && isLastMean(rewriter, mean) && mean.inputs[0] === centred.inputs[0]) {
    const sum = rewriter.onlyReader(product.outputs[0]!)
    const shift = sum && withConstant(rewriter, sum, 'Add')
    const bias = rewriter.constant(shift?.constant)
    if (!sum || !shift || bias?.dtype !== 'f32' || bias.shape.join() !== scale.shape.join()) return undefined
    const all = [mean, centred, ...parts, product, sum]
    if (!rewriter.isReadOnlyBy(value, all)) return undefined
    return { kind: 'LayerNormalization', x: centred.inputs[0]!, epsilon, scale: scaled.constant, bias: shift.constant, parts: all }
  }
  return { kind: 'RMSNormalization', x: value, epsilon, scale: scaled.constant, bias: undefined, parts: [...parts, product] }
}

/** Layer and root-mean-square normalizations that exporters spell out get their names back. */
export const nameNormalizations: Rule = {
  name: 'normalizations by name',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) {
      if (!isOp(node, 'Mul')) continue
      const found = find(rewriter, node)
      if (!found) continue
      const { kind, x, scale, bias, parts, epsilon } = found
      rewriter.replace(parts, {
        name: node.name,
        domain: '',
        op: kind,
        version: kind === 'LayerNormalization' ? 17 : 23,
        inputs: bias ? [x, scale, bias] : [x, scale],
        outputs: parts.at(-1)!.outputs,
        attributes: { axis: { type: 'int', value: -1 }, epsilon: { type: 'float', value: epsilon } },
      })
    }
    return rewriter.finish()
  },
}
