import { elementCount } from '../../core/index.ts'
import type { OnnxAttribute } from '../../formats/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** A function of one operand that a convolution or a matrix product can apply to its sums. */
interface Activation {
  readonly name: string
  readonly parameters: readonly number[]
}

/** Operators without parameters that kernels apply. */
const PLAIN: Readonly<Record<string, string>> = { Relu: 'relu', Sigmoid: 'sigmoid', Tanh: 'tanh', HardSwish: 'hard_swish' }

function activationOf(rewriter: Rewriter, node: GraphNode): Activation | undefined {
  if (node.domain !== '') return undefined
  const attributes = attributesOf(node)
  const plain = PLAIN[node.op]
  if (plain) return { name: plain, parameters: [] }
  if (node.op === 'Gelu') return { name: attributes.string('approximate', 'none') === 'tanh' ? 'gelu_tanh' : 'gelu', parameters: [] }
  if (node.op === 'Swish') return attributes.float('alpha', 1) === 1 ? { name: 'silu', parameters: [] } : undefined
  if (node.op === 'LeakyRelu') return { name: 'leaky_relu', parameters: [attributes.float('alpha', 0.01)] }
  if (node.op === 'HardSigmoid')
    return { name: 'hard_sigmoid', parameters: [attributes.float('alpha', 0.2), attributes.float('beta', 0.5)] }
  if (node.op !== 'Clip') return undefined
  const bound = (position: number, attribute: string, none: number): number | undefined => {
    if (node.version < 11) return attributes.float(attribute, none)
    const name = node.inputs[position]
    if (!name) return none
    const tensor = rewriter.constant(name)
    return tensor?.dtype === 'f32' && elementCount(tensor.shape) === 1 ? (tensor.data as Float32Array)[0] : undefined
  }
  const [low, high] = [bound(1, 'min', -Infinity), bound(2, 'max', Infinity)]
  return low === undefined || high === undefined || !(low <= high) ? undefined : { name: 'clip', parameters: [low, high] }
}

/** A node as the start of a fused one: operands x, weight, bias, residual, and what else it has. */
function fusable(rewriter: Rewriter, node: GraphNode): GraphNode | undefined {
  if (node.domain === 'hence' && (node.op === 'QuantisedLinear' || node.op === 'QuantisedConv')) return node
  if (node.domain !== '') return undefined
  const weight = rewriter.constant(node.inputs[1])
  if (weight?.dtype !== 'f32') return undefined
  const attributes = attributesOf(node)
  if (node.op === 'Conv' || node.op === 'ConvTranspose') {
    const hasKnownBias = !node.inputs[2] || rewriter.constant(node.inputs[2]) !== undefined
    const isImage = weight.shape.length === 3 || weight.shape.length === 4
    return isImage && hasKnownBias ? { ...node, domain: 'hence' } : undefined
  }
  if (weight.shape.length !== 2) return undefined
  if (node.op === 'MatMul') return { ...node, domain: 'hence', op: 'Linear', attributes: {} }
  if (node.op !== 'Gemm' || attributes.int('transA', 0) !== 0) return undefined
  if (attributes.float('alpha', 1) !== 1 || attributes.float('beta', 1) !== 1) return undefined
  const bias = node.inputs[2] ? rewriter.constant(node.inputs[2]) : undefined
  const columns = attributes.int('transB', 0) === 1 ? weight.shape[0]! : weight.shape[1]!
  if (node.inputs[2] && (bias?.dtype !== 'f32' || elementCount(bias.shape) !== columns || bias.shape.at(-1) !== columns)) return undefined
  const transB: OnnxAttribute = { type: 'int', value: attributes.int('transB', 0) }
  return { ...node, domain: 'hence', op: 'Linear', attributes: { transB } }
}

/**
 * What follows a convolution or a matrix product with known weights becomes part of it: a bias, an activation, the sum with
 * another value (a residual connection). Makes `hence.Conv`, `hence.ConvTranspose` (without sums) and `hence.Linear`.
 */
export const fuseEpilogue: Rule = {
  name: 'epilogues',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const start of graph.nodes) {
      const fused = fusable(rewriter, start)
      if (!fused) continue
      let node = fused
      const parts = [start]
      let hasActivation = false
      for (;;) {
        const value = parts.at(-1)!.outputs[0]!
        const reader = rewriter.onlyReader(value)
        if (reader?.outputs.length !== 1) break
        const addend = isSum(reader) ? reader.inputs.find(name => name !== value) : undefined
        const activation = activationOf(rewriter, reader)
        if (addend !== undefined && rewriter.constant(addend)) {
          if (hasActivation || node.inputs[2] || node.inputs[3] || !isBias(rewriter, node, addend)) break
          node = withInput(node, 2, addend)
        } else if (addend !== undefined) {
          if (node.inputs[3] || node.op === 'ConvTranspose') break
          const first: OnnxAttribute = { type: 'int', value: hasActivation ? 0 : 1 }
          node = withInput({ ...node, attributes: { ...node.attributes, residual_first: first } }, 3, addend)
        } else if (activation && !hasActivation) {
          hasActivation = true
          node = {
            ...node,
            attributes: {
              ...node.attributes,
              activation: { type: 'string', value: activation.name },
              activation_parameters: { type: 'floats', value: activation.parameters },
            },
          }
        } else break
        parts.push(reader)
      }
      if (parts.length > 1) rewriter.replace(parts, { ...node, outputs: parts.at(-1)!.outputs })
    }
    return rewriter.finish()
  },
}

function withInput(node: GraphNode, position: number, name: string): GraphNode {
  const count = Math.max(node.inputs.length, position + 1)
  return { ...node, inputs: Array.from({ length: count }, (_, i) => (i === position ? name : (node.inputs[i] ?? ''))) }
}

function isSum({ domain, op, inputs }: GraphNode): boolean {
  return domain === '' && (op === 'Add' || op === 'Sum') && inputs.length === 2
}

/** A number per output: a row of columns, or along the channel axis of a convolution. */
function isBias(rewriter: Rewriter, node: GraphNode, name: string): boolean {
  const bias = rewriter.constant(name)
  const weight = rewriter.constant(node.inputs[1])
  if (bias?.dtype !== 'f32' || !weight) return false
  const isMatrix = node.op === 'Linear' || node.op === 'QuantisedLinear'
  const outputs = isMatrix && attributesOf(node).int('transB', 0) === 0 ? weight.shape[1]! : weight.shape[0]!
  const axis = isMatrix ? -1 : 1 - weight.shape.length
  return bias.shape.at(axis) === outputs && elementCount(bias.shape) === outputs && (isMatrix || bias.shape.length <= weight.shape.length)
}
