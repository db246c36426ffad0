import { elementCount } from '../../core/index.ts'
import type { OnnxAttribute } from '../../formats/index.ts'
import type { GraphNode } from '../graph.ts'
import type { GraphTensor } from '../operator.ts'
import { kept } from './expand-on-floats.ts'
import { type Expand, type Expansion, isCodes } from './expansion.ts'

type Kind = 'Linear' | 'Conv'

/** ai.onnx's number for i32, the type of whole sums. */
const ONNX_I32: OnnxAttribute = { type: 'int', value: 6 }
/** Whole numbers below this are exact in f32. */
const EXACT_IN_F32 = 2 ** 24

const WINDOW = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides']

/** The known codes of a weight that instructions take. */
function weightOf(x: Expansion, position: number, kind: Kind): GraphTensor | undefined {
  const codes = x.known(position)
  if (!isCodes(codes)) return undefined
  const rank = codes.shape.length
  return (kind === 'Linear' ? rank === 2 : rank === 3 || rank === 4) ? codes : undefined
}

/** `extra · a · b[n] / y`, rounded to f32 after each step, as ONNX Runtime does, so that ties fall the same way. */
function factorsOf(extra: number, a: number, b: GraphTensor, y: number): Float32Array {
  const own = Math.fround(extra * a)
  return Float32Array.from(b.data as Float32Array, scale => Math.fround(own * scale) / y)
}

interface Product {
  readonly kind: Kind
  /** Positions of the bias and of the result's scale. */
  readonly bias: number
  readonly result: number
  readonly attributes: GraphNode['attributes']
  /** The axis of outputs in the weight. */
  readonly axis: 0 | 1
  /** A factor of the result. */
  readonly alpha?: number
}

/**
 * Whole sums with a whole bias times one factor per output, which are the result or become its codes. Operands: codes,
 * scale and zero point of x, then of the weight.
 */
function requantised(x: Expansion, { kind, bias, result, attributes, axis, alpha = 1 }: Product): boolean {
  const weight = weightOf(x, 3, kind)
  const [xScale, scales, shift] = [x.single(1), x.known(4), x.known(bias)]
  const isFloat = x.input(result) === ''
  if (!weight || xScale === undefined || scales?.dtype !== 'f32' || !(isFloat || x.hasCodeGrid(result))) return false
  const n = weight.shape[axis]!
  const count = elementCount(scales.shape)
  if (count !== 1 && (count !== n || scales.shape.length !== 1)) return false
  if (x.input(bias) !== '' && (shift?.dtype !== 'i32' || elementCount(shift.shape) !== n || shift.shape.at(-1) !== n)) return false
  const whole = shift ? x.constant('bias', { dtype: 'f32', shape: [n], data: Float32Array.from(shift.data as Int32Array) }) : ''
  const one = x.scalar(1)
  const sums = x.add(`hence.Quantised${kind}`, [x.input(0), x.input(3), whole, '', one, x.input(2), one, x.input(5)], attributes)
  const spread = kind === 'Conv' ? weight.shape.slice(2).map(() => 1) : []
  const data = factorsOf(alpha, xScale, scales, isFloat ? 1 : x.single(result)!)
  const factor = x.constant('factor', { dtype: 'f32', shape: count === 1 ? [] : [n, ...spread], data })
  if (isFloat) return x.finish('Mul', [sums, factor])
  return x.finish('QuantizeLinear', [x.add('Mul', [sums, factor]), one, x.input(result + 1)])
}

export const requantisedConv: Expand = x => requantised(x, { kind: 'Conv', bias: 8, result: 6, attributes: kept(x, ...WINDOW), axis: 0 })

export const requantisedMatMul: Expand = x =>
  x.known(3) ? requantised(x, { kind: 'Linear', bias: 8, result: 6, attributes: {}, axis: 1 }) : requantisedValues(x)

export const requantisedGemm: Expand = x => {
  if (x.attributes.int('transA', 0) !== 0) return false
  const axis = x.attributes.int('transB', 0) === 0 ? 1 : 0
  const attributes: GraphNode['attributes'] = { transB: { type: 'int', value: 1 - axis } }
  return requantised(x, { kind: 'Linear', bias: 6, result: 7, attributes, axis, alpha: x.attributes.float('alpha', 1) })
}

/** The product of two computed operands: of the codes less their zero points, which are exact as floats. */
function requantisedValues(x: Expansion): boolean {
  const [a, b, y] = [x.single(1), x.single(4), x.single(6)]
  if (!x.hasGrid(1) || !x.hasGrid(4) || !x.hasCodeGrid(6)) return false
  const one = x.scalar(1)
  const [left, right] = [0, 3].map(at => x.add('DequantizeLinear', [x.input(at), one, x.input(at + 2)]))
  const factor = x.scalar(factorsOf(1, a!, { dtype: 'f32', shape: [], data: Float32Array.of(b!) }, y!)[0]!)
  const sums = x.add('MatMul', [left!, right!])
  return x.finish('QuantizeLinear', [x.add('Mul', [sums, factor]), one, x.input(7)])
}

/** Whole sums as they are, where they are exact in f32 whatever the codes of x are. */
export function wholeSums(kind: Kind): Expand {
  return x => {
    const weight = weightOf(x, 1, kind)
    const zero = x.input(3) === '' ? 0 : x.single(3)
    if (!weight || zero === undefined || 255 * largestSum(weight, zero, kind === 'Linear') >= EXACT_IN_F32) return false
    const one = x.scalar(1)
    const operands = [x.input(0), x.input(1), '', '', one, x.input(2), one, x.input(3)]
    return x.finish('Cast', [x.add(`hence.Quantised${kind}`, operands, kind === 'Conv' ? kept(x, ...WINDOW) : {})], { to: ONNX_I32 })
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

/** A product with scales beside its operands: `A, B, scale of A, scale of B, zero points, bias`. */
export const scaledSums: Expand = x =>
  weightOf(x, 1, 'Linear') !== undefined &&
  x.finish(
    'hence.QuantisedLinear',
    [0, 1, 6, -1, 2, 4, 3, 5].map(position => x.input(position)),
  )

/** A product whose first operand gets its codes now: `A, B, scale and zero point of B, bias`. */
export const dynamicProduct: Expand = x => {
  if (!weightOf(x, 1, 'Linear')) return false
  const [codes, scale, zero] = x.quantiseDynamically(x.input(0))
  return x.finish('hence.QuantisedLinear', [codes, x.input(1), x.input(4), '', scale, zero, x.input(2), x.input(3)])
}
