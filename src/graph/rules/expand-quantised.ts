import { elementCount } from '../../core/index.ts'
import type { OnnxAttribute } from '../../formats/index.ts'
import type { GraphNode } from '../graph.ts'
import type { GraphTensor } from '../operator.ts'
import { Expansion } from './expansion.ts'
import type { Rule } from './rule.ts'

/** Takes the place of a node by others; false where it has to stay. Then what was added is dropped. */
type Expand = (x: Expansion) => boolean

/** ai.onnx's number for i32, the type of whole sums. */
const ONNX_I32: OnnxAttribute = { type: 'int', value: 6 }
/** Whole numbers below this are exact in f32. */
const EXACT_IN_F32 = 2 ** 24

function isCode(tensor: GraphTensor | undefined): tensor is GraphTensor {
  return tensor?.dtype === 'u8' || tensor?.dtype === 'i8'
}

/** Scale and zero point of a result: one known number each. */
function hasGrid(x: Expansion, position: number): boolean {
  return x.single(position) !== undefined && x.single(position + 1) !== undefined && isCode(x.known(position + 1))
}

function dequantised(x: Expansion, position: number): string {
  return x.add('DequantizeLinear', [x.input(position), x.input(position + 1), x.input(position + 2)])
}

function one(x: Expansion): string {
  return x.constant('one', { dtype: 'f32', shape: [], data: Float32Array.of(1) })
}

/** An operation on what codes stand for, whose result becomes codes again. */
function onFloats(
  codesAt: readonly number[],
  gridAt: number,
  op: string,
  attributesOf: (x: Expansion) => GraphNode['attributes'] = () => ({}),
) {
  return (x: Expansion): boolean => {
    if (!hasGrid(x, gridAt) || x.attributes.int('channels_last', 0) !== 0) return false
    const version = op === 'Softmax' ? x.attributes.int('opset', 13) : undefined
    const value = x.add(
      op,
      codesAt.map(position => dequantised(x, position)),
      attributesOf(x),
      version,
    )
    return x.finish('QuantizeLinear', [value, x.input(gridAt), x.input(gridAt + 1)])
  }
}

const keep =
  (...names: readonly string[]) =>
  (x: Expansion): GraphNode['attributes'] =>
    Object.fromEntries(names.flatMap(name => (x.attributes.raw(name) ? [[name, x.attributes.raw(name)!]] : [])))

const WINDOW = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides']

const concat: Expand = x => {
  const starts = Array.from({ length: (x.inputCount - 2) / 3 }, (_, i) => 2 + 3 * i)
  return starts.length > 0 && x.inputCount % 3 === 2 && onFloats(starts, 0, 'Concat', keep('axis'))(x)
}

/** Where the operands of a requantised product are. */
interface Positions {
  readonly weight: number
  readonly bias: number
  readonly result: number
}

/**
 * The whole sums of a product, with a whole bias, times one factor per output: the scales of both operands by that of the
 * result, in the order ONNX Runtime rounds them.
 */
function requantised(
  kind: 'Linear' | 'Conv',
  { weight, bias, result }: Positions,
  x: Expansion,
  extra: number,
  attributes: GraphNode['attributes'],
  axis: number,
): boolean {
  const codes = x.known(weight)
  const scales = x.known(weight + 1)
  const xScale = x.single(1)
  const isFloat = x.input(result) === ''
  const n = codes?.shape[axis]
  if (!isCode(codes) || xScale === undefined || scales?.dtype !== 'f32' || n === undefined) return false
  if (kind === 'Linear' ? codes.shape.length !== 2 : codes.shape.length < 3 || codes.shape.length > 4) return false
  const count = elementCount(scales.shape)
  if ((count !== 1 && (count !== n || scales.shape.length !== 1)) || !(isFloat || hasGrid(x, result))) return false
  const shift = x.known(bias)
  if (x.input(bias) !== '' && (!shift || elementCount(shift.shape) !== n || shift.shape.at(-1) !== n)) return false
  const divisor = isFloat ? 1 : x.single(result)!
  const factors = Float32Array.from(
    scales.data as Float32Array,
    scale => Math.fround(Math.fround(Math.fround(extra * xScale) * scale)) / divisor,
  )
  const spread = kind === 'Conv' ? codes.shape.slice(2).map(() => 1) : []
  const addend = shift && x.constant('bias', { dtype: 'f32', shape: [n], data: Float32Array.from(shift.data as Int32Array) })
  const unit = one(x)
  const sums = x.add(
    `hence.Quantised${kind}`,
    [x.input(0), x.input(weight), addend ?? '', '', unit, x.input(2), unit, x.input(weight + 2)],
    attributes,
  )
  const factor = x.constant('factor', { dtype: 'f32', shape: count === 1 ? [] : [n, ...spread], data: factors })
  if (isFloat) return x.finish('Mul', [sums, factor])
  return x.finish('QuantizeLinear', [x.add('Mul', [sums, factor]), unit, x.input(result + 1)])
}

const qLinear: Positions = { weight: 3, bias: 8, result: 6 }

const gemm: Expand = x => {
  if (x.attributes.int('transA', 0) !== 0) return false
  const transB = x.attributes.int('transB', 0) === 0 ? 0 : 1
  const attributes: GraphNode['attributes'] = { transB: { type: 'int', value: transB } }
  return requantised('Linear', { weight: 3, bias: 6, result: 7 }, x, x.attributes.float('alpha', 1), attributes, transB === 1 ? 0 : 1)
}

const isMatrix = (tensor: GraphTensor | undefined): boolean => isCode(tensor) && tensor.shape.length === 2

/** Whole sums, where they are exact in f32 whatever the codes of x are. */
function wholeSums(kind: 'Linear' | 'Conv'): Expand {
  return x => {
    const weight = x.known(1)
    if (!isCode(weight) || (kind === 'Linear' ? weight.shape.length !== 2 : weight.shape.length < 3 || weight.shape.length > 4))
      return false
    const zero = x.input(3) === '' ? 0 : x.single(3)
    if (zero === undefined || 255 * largestSum(weight, zero, kind === 'Linear') >= EXACT_IN_F32) return false
    const unit = one(x)
    const operands = [x.input(0), x.input(1), '', '', unit, x.input(2), unit, x.input(3)]
    return x.finish('Cast', [x.add(`hence.Quantised${kind}`, operands, kind === 'Conv' ? keep(...WINDOW)(x) : {})], { to: ONNX_I32 })
  }
}

/** The largest sum of the magnitudes of the codes that belong to one output. */
function largestSum({ shape, data }: GraphTensor, zero: number, isColumns: boolean): number {
  const codes = data as Int8Array
  const outputs = shape[isColumns ? 1 : 0]!
  const sums = new Float64Array(outputs)
  const perOutput = codes.length / Math.max(1, outputs)
  for (let i = 0; i < codes.length; i++) sums[isColumns ? i % outputs : Math.floor(i / perOutput)]! += Math.abs(codes[i]! - zero)
  return sums.reduce((most, sum) => Math.max(most, sum), 0)
}

const EXPANSIONS: Readonly<Record<string, Expand>> = {
  ConvInteger: wholeSums('Conv'),
  MatMulInteger: wholeSums('Linear'),
  QLinearConv: x => requantised('Conv', qLinear, x, 1, keep(...WINDOW)(x), 0),
  QLinearMatMul: x => requantised('Linear', qLinear, x, 1, {}, 1),
  'com.microsoft.DynamicQuantizeMatMul': x => {
    if (!isMatrix(x.known(1))) return false
    const [codes, scale, zero] = x.quantiseDynamically(x.input(0))
    return x.finish('hence.QuantisedLinear', [codes, x.input(1), x.input(4), '', scale, zero, x.input(2), x.input(3)])
  },
  'com.microsoft.MatMulIntegerToFloat': x =>
    isMatrix(x.known(1)) &&
    x.finish(
      'hence.QuantisedLinear',
      [0, 1, 6, -1, 2, 4, 3, 5].map(position => x.input(position)),
    ),
  'com.microsoft.QGemm': gemm,
  'com.microsoft.QLinearAdd': onFloats([0, 3], 6, 'Add'),
  'com.microsoft.QLinearAveragePool': onFloats(
    [0],
    3,
    'AveragePool',
    keep('auto_pad', 'ceil_mode', 'count_include_pad', 'kernel_shape', 'pads', 'strides'),
  ),
  'com.microsoft.QLinearConcat': concat,
  'com.microsoft.QLinearGlobalAveragePool': onFloats([0], 3, 'GlobalAveragePool'),
  'com.microsoft.QLinearLeakyRelu': onFloats([0], 3, 'LeakyRelu', keep('alpha')),
  'com.microsoft.QLinearMul': onFloats([0, 3], 6, 'Mul'),
  'com.microsoft.QLinearSigmoid': onFloats([0], 3, 'Sigmoid'),
  'com.microsoft.QLinearSoftmax': onFloats([0], 3, 'Softmax', keep('axis')),
}

/**
 * Operators on 8-bit codes become the operators on floats they stand for between DequantizeLinear and QuantizeLinear, and
 * products become `hence.QuantisedLinear` and `hence.QuantisedConv`.
 */
export const expandQuantised: Rule = {
  name: 'operators on codes',
  apply(graph) {
    const taken = new Set([
      ...graph.constants.keys(),
      ...graph.inputs.map(({ name }) => name),
      ...graph.nodes.flatMap(({ outputs }) => outputs),
    ])
    const take = (name: string): string => {
      let unique = name
      for (let i = 1; taken.has(unique); i++) unique = `${name}~${i}`
      taken.add(unique)
      return unique
    }
    const constants = new Map(graph.constants)
    const nodes = graph.nodes.flatMap(node => {
      const expand = EXPANSIONS[node.domain === '' ? node.op : `${node.domain}.${node.op}`]
      const expansion = expand && new Expansion(node, name => graph.constants.get(name), take)
      if (!expansion || !expand(expansion)) return [node]
      for (const [name, tensor] of expansion.constants) constants.set(name, tensor)
      return expansion.nodes
    })
    return nodes.every((node, i) => node === graph.nodes[i]) ? graph : { ...graph, nodes, constants }
  },
}
