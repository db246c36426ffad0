import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { quantizedTensor } from '../linear/index.ts'
import { averagePool, meanOf } from '../pooling/index.ts'
import {
  broadcastShapes,
  broadcastStrides,
  checkedCount,
  forEachRow,
  normalizeAxis,
  numbersOf,
  scalarOf,
  showShape,
  sigmoid,
  stridesOf,
  workNumbers,
} from '../support/index.ts'
import { channelsFirst, channelsLast } from './channel-order.ts'

/** What the codes of a quantized operand stand for; scale and zero point follow it. */
export function dequantized(call: OperatorCall, position: number): { input: GraphTensor; values: Float64Array<ArrayBuffer> } {
  const input = tensorInput(call, position)
  const scale = scalarOf(call, tensorInput(call, position + 1), 'scale', 1)
  const zero = scalarOf(call, optionalTensor(call, position + 2), 'zero point', 0)
  const values = numbersOf(call, input)
  for (let index = 0; index < values.length; index++) values[index] = (values[index]! - zero) * scale
  return { input, values }
}

/** Numbers as codes of the scale at `position` and the zero point after it. */
export function requantized(
  call: OperatorCall,
  dtype: GraphTensor['dtype'],
  shape: readonly number[],
  values: Float64Array<ArrayBuffer>,
  position: number,
): GraphTensor {
  const scale = scalarOf(call, tensorInput(call, position), 'scale', 1)
  for (let index = 0; index < values.length; index++) values[index]! /= scale
  return quantizedTensor(call, dtype, shape, values, scalarOf(call, optionalTensor(call, position + 1), 'zero point', 0))
}

function qLinearPair(name: string, combine: (a: number, b: number) => number): Operator {
  return {
    domain: 'com.microsoft',
    name,
    run(call) {
      const [a, b] = [dequantized(call, 0), dequantized(call, 3)]
      const shape = broadcastShapes(call, a.input.shape, b.input.shape)
      const y = workNumbers(call, checkedCount(call, shape))
      forEachRow(
        shape,
        [stridesOf(shape), broadcastStrides(a.input.shape, shape), broadcastStrides(b.input.shape, shape)],
        (offsets, length, steps) => {
          const [at, left, right] = [offsets[0]!, offsets[1]!, offsets[2]!]
          for (let i = 0; i < length; i++)
            y[at + i * steps[0]!] = combine(a.values[left + i * steps[1]!]!, b.values[right + i * steps[2]!]!)
        },
      )
      return [requantized(call, a.input.dtype, shape, y, 6)]
    },
  }
}

function qLinearUnary(name: string, functionOf: (call: OperatorCall) => (x: number) => number): Operator {
  return {
    domain: 'com.microsoft',
    name,
    run(call) {
      const { input, values } = dequantized(call, 0)
      const f = functionOf(call)
      for (let index = 0; index < values.length; index++) values[index] = f(values[index]!)
      return [requantized(call, input.dtype, input.shape, values, 3)]
    },
  }
}

/** Softmax along an axis, of all axes from it on for models older than version 13 (attribute opset). */
const qLinearSoftmax: Operator = {
  domain: 'com.microsoft',
  name: 'QLinearSoftmax',
  run(call) {
    const { input, values } = dequantized(call, 0)
    const { shape } = input
    const isOld = call.attributes.int('opset') < 13
    const axis = normalizeAxis(call, call.attributes.int('axis', -1), shape.length)
    const inner = isOld ? 1 : shape.slice(axis + 1).reduce((a, b) => a * b, 1)
    const length = isOld ? shape.slice(axis).reduce((a, b) => a * b, 1) : shape[axis]!
    for (let row = 0; row < values.length / Math.max(1, length); row++) {
      const start = Math.floor(row / inner) * length * inner + (row % inner)
      let greatest = Number.NEGATIVE_INFINITY
      for (let i = 0; i < length; i++) greatest = Math.max(greatest, values[start + i * inner]!)
      let sum = 0
      for (let i = 0; i < length; i++) sum += Math.exp(values[start + i * inner]! - greatest)
      for (let i = 0; i < length; i++) values[start + i * inner] = Math.exp(values[start + i * inner]! - greatest) / sum
    }
    return [requantized(call, input.dtype, shape, values, 3)]
  },
}

const qLinearConcat: Operator = {
  domain: 'com.microsoft',
  name: 'QLinearConcat',
  run(call) {
    const count = Math.floor((call.inputs.length - 2) / 3)
    const parts = Array.from({ length: count }, (_, i) => dequantized(call, 2 + 3 * i))
    checkShape(count > 0, call, 'nothing to join')
    const first = parts[0]!.input.shape
    const axis = normalizeAxis(call, call.attributes.int('axis'), first.length)
    const fits = parts.every(
      ({ input: { shape } }) => shape.length === first.length && shape.every((size, i) => i === axis || size === first[i]),
    )
    checkShape(fits, call, `shapes ${parts.map(({ input }) => showShape(input.shape)).join(', ')} cannot be joined along axis ${axis}`)
    const shape = first.map((size, i) => (i === axis ? parts.reduce((sum, { input }) => sum + input.shape[axis]!, 0) : size))
    const y = workNumbers(call, checkedCount(call, shape))
    const stride = shape.slice(axis).reduce((a, b) => a * b, 1)
    let offset = 0
    for (const { input, values } of parts) {
      const own = input.shape.slice(axis).reduce((a, b) => a * b, 1)
      for (let row = 0; own > 0 && row < values.length / own; row++)
        y.set(values.subarray(row * own, (row + 1) * own), row * stride + offset)
      offset += own
    }
    return [requantized(call, optionalTensor(call, 1)?.dtype ?? parts[0]!.input.dtype, shape, y, 0)]
  },
}

/** Means of windows, or of whole planes, of quantized pictures whose channels may come last. */
function qLinearPool(name: string, isGlobal: boolean): Operator {
  return {
    domain: 'com.microsoft',
    name,
    run(call) {
      const { input, values } = dequantized(call, 0)
      const isLast = call.attributes.int('channels_last', 0) !== 0
      const ordered = isLast ? channelsFirst(call, values, input.shape) : { values, shape: input.shape }
      const pooled = isGlobal ? poolPlanes(call, ordered) : poolWindows(call, ordered)
      const { values: y, shape } = isLast ? channelsLast(call, pooled.values, pooled.shape) : pooled
      return [requantized(call, input.dtype, shape, y, 3)]
    },
  }
}

interface Shaped {
  readonly values: Float64Array<ArrayBuffer>
  readonly shape: readonly number[]
}

function poolPlanes(call: OperatorCall, { values, shape }: Shaped): Shaped {
  const planes = (shape[0] ?? 1) * (shape[1] ?? 1)
  const size = shape.slice(2).reduce((a, b) => a * b, 1)
  const y = workNumbers(call, planes)
  for (let plane = 0; plane < planes; plane++) y[plane] = meanOf(values, plane * size, (plane + 1) * size)
  return { values: y, shape: shape.map((length, axis) => (axis < 2 ? length : 1)) }
}

function poolWindows(call: OperatorCall, { values, shape }: Shaped): Shaped {
  const { y, shape: pooled } = averagePool(call, { dtype: 'f64', shape, data: values })
  return { values: y, shape: pooled }
}

export const qLinearOperators: readonly Operator[] = [
  qLinearPair('QLinearAdd', (a, b) => a + b),
  qLinearPair('QLinearMul', (a, b) => a * b),
  qLinearUnary('QLinearSigmoid', () => sigmoid),
  qLinearUnary('QLinearLeakyRelu', call => {
    const alpha = call.attributes.float('alpha', Math.fround(0.01))
    return x => (x >= 0 ? x : alpha * x)
  }),
  qLinearSoftmax,
  qLinearConcat,
  qLinearPool('QLinearAveragePool', false),
  qLinearPool('QLinearGlobalAveragePool', true),
]
