import { elementCount } from '../../core/index.ts'
import { onnxElementType } from '../../formats/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import type { GraphTensor } from '../operator.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** 8-bit codes and what they stand for, by the names of values; the zero point may be left out. */
interface Codes {
  readonly codes: string
  readonly scale: string
  readonly zero: string
}

function isCode(tensor: GraphTensor | undefined): boolean {
  return tensor?.dtype === 'u8' || tensor?.dtype === 'i8'
}

/** The node that dequantises a value from 8-bit codes to f32 with a known scale that is one number or lies along one axis. */
function dequantised(rewriter: Rewriter, name: string | undefined): GraphNode | undefined {
  const node = rewriter.producer(name)
  if (node?.domain !== '' || node.op !== 'DequantizeLinear') return undefined
  const attributes = attributesOf(node)
  if (attributes.int('block_size', 0) !== 0 || attributes.int('output_dtype', 0) !== 0) return undefined
  const scale = rewriter.constant(node.inputs[1])
  const zero = rewriter.constant(node.inputs[2])
  if (scale?.dtype !== 'f32' || scale.shape.length > 1 || (node.inputs[2] && !isCode(zero))) return undefined
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
  if (!node || !isCode(tensor)) return undefined
  const scales = elementCount(rewriter.constant(node.inputs[1])!.shape)
  const rank = tensor!.shape.length
  const given = attributesOf(node).int('axis', 1)
  if (scales !== 1 && ((given + rank) % rank !== axis || scales !== tensor!.shape[axis])) return undefined
  return codesOf(node)
}

/** A product of dequantised operands as one of codes; undefined where it is something else. */
function ofDequantised(rewriter: Rewriter, node: GraphNode): GraphNode | undefined {
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

/** A product of codes as whole numbers that is made a float and scaled at once, and the nodes it ends up in. */
function ofIntegers(rewriter: Rewriter, node: GraphNode): { node: GraphNode; parts: readonly GraphNode[] } | undefined {
  const isConvolution = node.op === 'ConvInteger'
  const [x, w, xZero = '', weightZero = ''] = node.inputs
  const weight = rewriter.constant(w)
  if (node.domain !== '' || !(isConvolution || node.op === 'MatMulInteger') || !isCode(weight)) return undefined
  const { shape } = weight!
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
 * Products of dequantised values with known 8-bit weights become products of the codes themselves, and so do products of
 * codes whose whole results are scaled: `hence.QuantisedLinear` and `hence.QuantisedConv`, with the operands x, weight,
 * bias, residual, then scale and zero point of x and of the weight.
 */
export const nameQuantisedProducts: Rule = {
  name: 'products of codes',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) {
      const found = ofDequantised(rewriter, node)
      if (found) rewriter.replace([node], found)
      const whole = ofIntegers(rewriter, node)
      if (whole) rewriter.replace(whole.parts, whole.node)
    }
    return rewriter.finish()
  },
}
