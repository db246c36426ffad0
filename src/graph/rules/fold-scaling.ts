import { elementCount, makeLazy } from '../../core/index.ts'
import { attributesOf, type GraphNode } from '../graph.ts'
import { toFloat32 } from '../lowering/storage.ts'
import type { GraphTensor } from '../operator.ts'
import { Rewriter } from './rewriter.ts'
import type { Rule } from './rule.ts'

/** A factor and an addend for each output channel. */
interface Scaling {
  readonly factor: Float64Array
  readonly addend: Float64Array
}

const ones = (n: number): Float64Array => new Float64Array(n).fill(1)

/** What a node does to each channel of its first operand, when that is all it does; channels are the axis `1 of rank`. */
function scalingOf(rewriter: Rewriter, node: GraphNode, operand: string, channels: number, rank: number): Scaling | undefined {
  if (node.domain !== '') return undefined
  if (node.op === 'BatchNormalization') return node.inputs[0] === operand ? batchNormalization(rewriter, node, channels) : undefined
  if (node.op !== 'Mul' && node.op !== 'Add' && node.op !== 'Sub' && node.op !== 'Div') return undefined
  if ((node.op === 'Sub' || node.op === 'Div') && node.inputs[0] !== operand) return undefined
  const other = rewriter.constant(node.inputs[0] === operand ? node.inputs[1] : node.inputs[0])
  const numbers = other && perChannel(other, channels, rank)
  if (!numbers) return undefined
  const none = new Float64Array(channels)
  if (node.op === 'Add') return { factor: ones(channels), addend: numbers }
  if (node.op === 'Sub') return { factor: ones(channels), addend: numbers.map(x => -x) }
  return { factor: node.op === 'Mul' ? numbers : numbers.map(x => 1 / x), addend: none }
}

function batchNormalization(rewriter: Rewriter, node: GraphNode, channels: number): Scaling | undefined {
  const [scale, bias, mean, variance] = node.inputs.slice(1).map(name => rewriter.constant(name))
  if (!scale || !bias || !mean || !variance || node.outputs.slice(1).some(name => name !== '')) return undefined
  const attributes = attributesOf(node)
  if (attributes.int('training_mode', 0) !== 0 || attributes.int('spatial', 1) !== 1) return undefined
  if (![scale, bias, mean, variance].every(t => t.dtype === 'f32' && elementCount(t.shape) === channels)) return undefined
  const epsilon = attributes.float('epsilon', 1e-5)
  const [s, b, m, v] = [scale, bias, mean, variance].map(toFloat32) as [Float32Array, Float32Array, Float32Array, Float32Array]
  const factor = Float64Array.from(s, (x, i) => x / Math.sqrt(v[i]! + epsilon))
  return { factor, addend: factor.map((x, i) => b[i]! - m[i]! * x) }
}

/** A constant that broadcasts along the channel axis only, as a number per channel. */
function perChannel(tensor: GraphTensor, channels: number, rank: number): Float64Array | undefined {
  if (tensor.dtype !== 'f32') return undefined
  const data = tensor.data as Float32Array
  if (data.length === 1 && tensor.shape.length <= rank) return new Float64Array(channels).fill(data[0]!)
  const axis = tensor.shape.length - (rank - 1)
  const isPerChannel = axis >= 0 && tensor.shape.every((size, i) => size === (i === axis ? channels : 1))
  return isPerChannel && data.length === channels ? Float64Array.from(data) : undefined
}

const SCALED: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm'])

/** Weights of a convolution or a matrix product with every output channel multiplied by its factor. */
function scaleWeight(node: GraphNode, weight: GraphTensor, factor: Float64Array): GraphTensor {
  const { dtype, shape } = weight
  return makeLazy({ dtype, shape }, undefined, () => scaled(node, weight, factor), [weight])
}

function scaled(node: GraphNode, weight: GraphTensor, factor: Float64Array): Float32Array<ArrayBuffer> {
  const from = weight.data as Float32Array
  const data = new Float32Array(from.length)
  const isColumns = node.op === 'Gemm' && attributesOf(node).int('transB', 0) === 0
  if (isColumns || node.op === 'ConvTranspose') {
    const channelOf = isColumns ? (i: number): number => i % factor.length : transposedChannels(node, weight)
    for (let i = 0; i < data.length; i++) data[i] = from[i]! * factor[channelOf(i)]!
    return data
  }
  const perRow = from.length / factor.length
  for (let row = 0; row < factor.length; row++) {
    const scale = factor[row]!
    for (let i = row * perRow, end = i + perRow; i < end; i++) data[i] = from[i]! * scale
  }
  return data
}

/** The output channel of each number of filters `[groups · depth, filters, …]`. */
function transposedChannels(node: GraphNode, { shape }: GraphTensor): (i: number) => number {
  const [inputs, filters] = shape as [number, number]
  const taps = elementCount(shape.slice(2))
  const depth = inputs / attributesOf(node).int('group', 1)
  return i => Math.floor(i / (taps * filters * depth)) * filters + (Math.floor(i / taps) % filters)
}

function outputChannels(node: GraphNode, { shape }: GraphTensor): number {
  if (node.op === 'ConvTranspose') return shape[1]! * attributesOf(node).int('group', 1)
  return node.op === 'Gemm' && attributesOf(node).int('transB', 0) === 0 ? shape[1]! : shape[0]!
}

/**
 * Normalizations with fixed statistics, and multiplications and additions per channel, become part of the weights and the
 * bias of the convolution or matrix product before them.
 */
export const foldScaling: Rule = {
  name: 'scaling into weights',
  apply(graph) {
    const rewriter = new Rewriter(graph)
    for (const start of graph.nodes) {
      if (start.domain !== '' || !SCALED.has(start.op)) continue
      let node = start
      for (;;) {
        const weight = rewriter.constant(node.inputs[1])
        const bias = node.inputs[2] ? rewriter.constant(node.inputs[2]) : undefined
        if (weight?.dtype !== 'f32' || (node.inputs[2] && bias?.dtype !== 'f32')) break
        const isGemm = node.op === 'Gemm'
        const attributes = attributesOf(node)
        if (isGemm && (attributes.float('alpha', 1) !== 1 || attributes.float('beta', 1) !== 1)) break
        const channels = outputChannels(node, weight)
        if (bias && elementCount(bias.shape) !== channels) break
        const reader = rewriter.onlyReader(node.outputs[0]!)
        const scaling = reader && scalingOf(rewriter, reader, node.outputs[0]!, channels, weight.shape.length)
        if (!scaling) break
        const { factor, addend } = scaling
        const old = bias ? (bias.data as Float32Array) : new Float32Array(channels)
        const data = Float32Array.from(old, (b, i) => b * factor[i]! + addend[i]!)
        const merged: GraphNode = {
          ...node,
          inputs: [
            node.inputs[0]!,
            factor.every(x => x === 1)
              ? node.inputs[1]!
              : rewriter.addConstant(`${node.inputs[1]} scaled`, scaleWeight(node, weight, factor)),
            rewriter.addConstant(`${node.name} bias`, { dtype: 'f32', shape: [channels], data }),
          ],
          outputs: reader.outputs.slice(0, 1),
        }
        rewriter.replace([node, reader], merged)
        node = merged
      }
    }
    return rewriter.finish()
  },
}
