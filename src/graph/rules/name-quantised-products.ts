import { elementCount } from '../../core/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { isCodes } from './expansion.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** 8-bit codes and what they stand for, by the names of values; the zero point may be left out. */
interface Codes {
  readonly codes: string
  readonly scale: string
  readonly zero: string
}

/** The node that dequantises a value from 8-bit codes to f32 with a known scale that is one number or lies along one axis. */
function dequantised(rewriter: Rewriter, name: string | undefined): GraphNode | undefined {
  const node = rewriter.producer(name)
  if (node?.domain !== '' || node.op !== 'DequantizeLinear') return undefined
  const attributes = attributesOf(node)
  if (attributes.int('block_size', 0) !== 0 || attributes.int('output_dtype', 0) !== 0) return undefined
  const scale = rewriter.constant(node.inputs[1])
  const zero = rewriter.constant(node.inputs[2])
  if (scale?.dtype !== 'f32' || scale.shape.length > 1 || (node.inputs[2] && !isCodes(zero))) return undefined
  return !zero || elementCount(zero.shape) === elementCount(scale.shape) ? node : undefined
}

function codesOf({ inputs }: GraphNode): Codes {
  return { codes: inputs[0]!, scale: inputs[1]!, zero: inputs[2] ?? '' }
}

/** The codes a computed operand was dequantised from, all with one scale. */
function operandCodes(rewriter: Rewriter, name: string): Codes | undefined {
  const node = dequantised(rewriter, name)
  if (!node || elementCount(rewriter.constant(node.inputs[1])!.shape) !== 1) return undefined
  // Without a zero point the type of the codes shows only where they are made: then it is u8.
  const quantise = rewriter.producer(node.inputs[0])
  const isKnown = node.inputs[2] !== undefined && node.inputs[2] !== ''
  const isMade = quantise?.domain === '' && quantise.op === 'QuantizeLinear' && !quantise.inputs[2]
  return isKnown || (isMade && attributesOf(quantise).int('output_dtype', 0) === 0) ? codesOf(node) : undefined
}

/** Known codes of a weight, with one scale or one for each output: each index of `axis`. */
function weightCodes(rewriter: Rewriter, name: string | undefined, axis: number): Codes | undefined {
  const node = dequantised(rewriter, name)
  const tensor = node && rewriter.constant(node.inputs[0])
  if (!node || !isCodes(tensor)) return undefined
  const scales = elementCount(rewriter.constant(node.inputs[1])!.shape)
  const rank = tensor.shape.length
  const given = attributesOf(node).int('axis', 1)
  if (scales !== 1 && ((given + rank) % rank !== axis || scales !== tensor.shape[axis])) return undefined
  return codesOf(node)
}

/** A product of dequantised operands as one of codes; undefined where it is something else. */
function productOfCodes(rewriter: Rewriter, node: GraphNode): GraphNode | undefined {
  if (node.domain !== '') return undefined
  const isConvolution = node.op === 'Conv'
  if (!isConvolution && node.op !== 'MatMul' && node.op !== 'Gemm') return undefined
  const attributes = attributesOf(node)
  const [x, w, bias = ''] = node.inputs
  let transB = node.op === 'Gemm' ? attributes.int('transB', 0) : 0
  const turned = isConvolution ? undefined : transposedMatrix(rewriter, w)
  if (turned) transB = 1 - transB
  const operand = operandCodes(rewriter, x!)
  const weight = weightCodes(rewriter, turned ?? w, isConvolution || transB === 1 ? 0 : 1)
  const { shape } = (weight && rewriter.constant(weight.codes)) ?? { shape: [] }
  if (!operand || !weight || (isConvolution ? shape.length < 3 || shape.length > 4 : shape.length !== 2)) return undefined
  if (node.op === 'Gemm' && ['alpha', 'beta'].some(name => attributes.float(name, 1) !== 1)) return undefined
  if (attributes.int('transA', 0) !== 0) return undefined
  const outputs = isConvolution || transB === 1 ? shape[0]! : shape[1]!
  const addend = rewriter.constant(bias)
  if (bias !== '' && (addend?.dtype !== 'f32' || elementCount(addend.shape) !== outputs || addend.shape.at(-1) !== outputs))
    return undefined
  return {
    ...node,
    domain: 'hence',
    op: isConvolution ? 'QuantisedConv' : 'QuantisedLinear',
    inputs: [operand.codes, weight.codes, bias, '', operand.scale, operand.zero, weight.scale, weight.zero],
    attributes: isConvolution ? node.attributes : { transB: { type: 'int', value: transB } },
  }
}

/** What a value is the transposition of, where it is that of a matrix. */
function transposedMatrix(rewriter: Rewriter, name: string | undefined): string | undefined {
  const node = rewriter.producer(name)
  if (node?.domain !== '' || node.op !== 'Transpose') return undefined
  return attributesOf(node).ints('perm', [1, 0]).join() === '1,0' ? node.inputs[0] : undefined
}

/**
 * Products of dequantised values with known 8-bit weights become products of the codes themselves: `hence.QuantisedLinear`
 * and `hence.QuantisedConv`, with the operands x, weight, bias, residual, then scale and zero point of x and of the weight.
 */
export const nameQuantisedProducts: Rule = {
  name: 'products of codes',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) {
      const product = productOfCodes(rewriter, node)
      if (product) rewriter.replace([node], product)
    }
    return rewriter.finish()
  },
}
