import { elementCount } from '../../core/index.ts'
import type { Lowering } from './context.ts'

/** Along the last axis, or over all trailing axes as one in operator sets before 13. */
const softmax: Lowering = context => {
  const type = context.type(0)
  if (!type || !context.isFloat(0) || type.shape.length === 0 || elementCount(type.shape) === 0) return false
  const { shape } = type
  const flattens = context.node.version < 13
  const axis = context.attributes.int('axis', flattens ? 1 : -1)
  const from = axis < 0 ? axis + shape.length : axis
  if (from < 0 || from >= shape.length || (!flattens && from !== shape.length - 1)) return false
  const width = flattens ? elementCount(shape.slice(from)) : shape.at(-1)!
  const rows = context.plainAs(0, [elementCount(shape) / width, width])
  const y = context.segment.emit('softmax', context.node.name, [rows], {})
  return context.define(context.segment.builder.view(y, shape), shape)
}

/** x less the logarithm of the sum of powers, which keeps small probabilities apart. */
const logSoftmax: Lowering = context => {
  const type = context.type(0)
  if (!type || !context.isFloat(0) || type.dtype === 'bool' || type.shape.length === 0 || elementCount(type.shape) === 0) return false
  const { shape } = type
  const flattens = context.node.version < 13
  const axis = context.attributes.int('axis', flattens ? 1 : -1)
  const from = axis < 0 ? axis + shape.length : axis
  if (from < 0 || from >= shape.length || (!flattens && from !== shape.length - 1)) return false
  const width = elementCount(shape.slice(from))
  const rows = context.plainAs(0, [elementCount(shape) / width, width])
  const { segment, node } = context
  const logarithm = segment.emit('reduce', node.name, [rows], { kind: 'log_sum_exp', axes: [1], keepAxes: true })
  const y = segment.emit('map', node.name, [rows, logarithm], { expression: ['sub', { input: 0 }, { input: 1 }] })
  return context.define(segment.builder.view(y, shape), shape)
}

const layerNormalization: Lowering = context => {
  const type = context.type(0)
  const scale = context.known(1)
  if (type?.dtype !== 'f32' || scale?.dtype !== 'f32' || context.node.outputs.filter(name => name !== '').length > 1) return false
  const axis = context.attributes.int('axis', -1)
  const from = axis < 0 ? axis + type.shape.length : axis
  const width = elementCount(type.shape.slice(from))
  if (width === 0 || elementCount(scale.shape) !== width || elementCount(type.shape) === 0) return false
  const bias = context.has(2) ? context.known(2) : undefined
  if (context.has(2) && (!bias || elementCount(bias.shape) !== width)) return false
  const rows = context.plainAs(0, [elementCount(type.shape) / width, width])
  const vector = (position: number) => context.segment.constant(context.key(position), context.known(position)!, 'f32', [width])
  const kind = context.node.op === 'LayerNormalization' ? 'layer' : 'rms'
  const operands = [rows, vector(1), bias ? vector(2) : undefined]
  const y = context.segment.emit('norm', context.node.name, operands, { kind, epsilon: context.attributes.float('epsilon', 1e-5) })
  return context.define(context.segment.builder.view(y, type.shape), type.shape)
}

/** Fixed statistics make a factor and an addend per channel. */
const batchNormalization: Lowering = context => {
  const type = context.type(0)
  const vectors = [1, 2, 3, 4].map(i => context.known(i))
  const { attributes, node } = context
  if (type?.dtype !== 'f32' || type.shape.length < 2 || elementCount(type.shape) === 0) return false
  if (attributes.int('training_mode', 0) !== 0 || attributes.int('spatial', 1) !== 1 || node.outputs.slice(1).some(name => name !== ''))
    return false
  const channels = type.shape[1]!
  if (!vectors.every(tensor => tensor?.dtype === 'f32' && elementCount(tensor.shape) === channels)) return false
  const [scale, bias, mean, variance] = vectors.map(tensor => tensor!.data as Float32Array) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  const epsilon = attributes.float('epsilon', 1e-5)
  const factor = scale.map((s, i) => s / Math.sqrt(variance[i]! + epsilon))
  const addend = bias.map((b, i) => b - (mean[i]! * scale[i]!) / Math.sqrt(variance[i]! + epsilon))
  return context.defineScaled(factor, addend)
}

/** Normalizations by operator name. */
export const NORMALIZATION: Readonly<Record<string, Lowering>> = {
  BatchNormalization: batchNormalization,
  LogSoftmax: logSoftmax,
  Softmax: softmax,
  LayerNormalization: layerNormalization,
  RMSNormalization: layerNormalization,
  SimplifiedLayerNormalization: layerNormalization,
}
