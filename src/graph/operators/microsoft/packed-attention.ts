import {
  checkShape,
  type GraphTensor,
  type Operator,
  type OperatorCall,
  optionalTensor,
  tensorInput,
  unsupportedVariant,
} from '../../operator.ts'
import { attend, emptyHeads, type Heads, headsLast, joinPast, type ScoreBias, scoreBias } from '../attention/index.ts'
import { denseMatrix, multiplyAdd } from '../linear/index.ts'
import { checkedCount, numbersOf, scalarOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'
import { paddingBias } from './padding-mask.ts'

/** Queries, keys and values made by one product with joined weights, in rows of all three. */
interface PackedOperands {
  readonly projected: Float64Array<ArrayBuffer>
  readonly batch: number
  readonly length: number
  /** Widths of queries, keys and values. */
  readonly widths: readonly [number, number, number]
  readonly dtype: GraphTensor['dtype']
  readonly mask: GraphTensor | undefined
  readonly past: GraphTensor | undefined
  readonly bias: GraphTensor | undefined
}

function attendPacked(
  call: OperatorCall,
  { projected, batch, length, widths, dtype, mask, past, bias }: PackedOperands,
): readonly (GraphTensor | undefined)[] {
  const { attributes } = call
  if (attributes.int('do_rotary', 0) !== 0) throw unsupportedVariant(call, 'do_rotary')
  if (attributes.int('past_present_share_buffer', 0) !== 0) throw unsupportedVariant(call, 'past_present_share_buffer')
  const heads = attributes.int('num_heads')
  checkShape(
    heads > 0 && widths.every(width => width % heads === 0),
    call,
    `${widths.join(', ')} elements do not split into ${heads} heads`,
  )
  const rowStride = widths[0] + widths[1] + widths[2]
  const part = (index: 0 | 1 | 2): Heads =>
    headsLast(projected, batch, heads, length, widths[index] / heads, {
      rowStride,
      offset: widths.slice(0, index).reduce((a, b) => a + b, 0),
    })
  const [pastKeys, pastValues] = splitPast(call, past)
  const q = part(0)
  const [k, v] = [joinPast(call, pastKeys, part(1), 'past'), joinPast(call, pastValues, part(2), 'past')]
  const biases: ScoreBias[] = []
  if (mask) biases.push(paddingBias(call, mask, batch, length, k.length, attributes.float('mask_filter_value', -10000)))
  if (bias) biases.push(scoreBias(call, bias, [batch, heads, length, k.length], false))
  const before = k.length - length
  const output = emptyHeads(call, 3, batch, heads, length, v.size)
  attend(call, q, k, v, output, {
    scale: attributes.float('scale', 0) || 1 / Math.sqrt(q.size),
    biases,
    visible: attributes.int('unidirectional', 0) !== 0 ? (_, query) => [0, before + query + 1] : undefined,
  })
  return [
    tensorFromNumbers(call, dtype, [batch, length, widths[2]], output.data),
    call.outputCount > 1 ? joinPresent(call, k, v, dtype) : undefined,
  ]
}

/** The keys and values of a cache `2 × batch × heads × length × size`. */
function splitPast(call: OperatorCall, past: GraphTensor | undefined): [GraphTensor | undefined, GraphTensor | undefined] {
  if (!past) return [undefined, undefined]
  checkShape(
    past.shape.length === 5 && past.shape[0] === 2,
    call,
    `past must be [2, batch, heads, length, size], is ${showShape(past.shape)}`,
  )
  const data = past.data as Float32Array
  const half = data.length / 2
  const part = (index: number): GraphTensor =>
    ({ dtype: past.dtype, shape: past.shape.slice(1), data: data.subarray(index * half, (index + 1) * half) }) as GraphTensor
  return [part(0), part(1)]
}

function joinPresent(call: OperatorCall, k: Heads, v: Heads, dtype: GraphTensor['dtype']): GraphTensor {
  checkShape(k.size === v.size, call, `keys of ${k.size} and values of ${v.size} do not fit one present`)
  const both = workNumbers(call, k.data.length + v.data.length)
  both.set(k.data)
  both.set(v.data, k.data.length)
  return tensorFromNumbers(call, dtype, [2, k.batch, k.heads, k.length, k.size], both)
}

/** Rows of an input times weights, plus a bias. @throws HenceError `SHAPE_MISMATCH` */
function project(
  call: OperatorCall,
  rows: Float64Array,
  inputShape: readonly number[],
  weights: Float64Array,
  weightShape: readonly number[],
  scale: Float64Array,
  bias: GraphTensor | undefined,
): Float64Array<ArrayBuffer> {
  const [inputs, outputs] = [weightShape[0]!, weightShape[1]!]
  const fits = inputShape.length === 3 && weightShape.length === 2 && inputShape[2] === inputs
  checkShape(fits, call, `weights ${showShape(weightShape)} do not fit the input ${showShape(inputShape)}`)
  const count = inputShape[0]! * inputShape[1]!
  const y = workNumbers(call, checkedCount(call, [count, outputs]))
  multiplyAdd(denseMatrix(y, outputs), denseMatrix(rows, inputs), denseMatrix(weights, outputs), count, inputs, outputs)
  const added = bias && numbersOf(call, bias)
  checkShape(!added || added.length === outputs, call, `bias of ${added?.length} for ${outputs} outputs`)
  for (let index = 0, column = 0; index < y.length; index++, column = column + 1 === outputs ? 0 : column + 1)
    y[index] = y[index]! * scale[scale.length === 1 ? 0 : column]! + (added ? added[column]! : 0)
  return y
}

const attention: Operator = {
  domain: 'com.microsoft',
  name: 'Attention',
  run(call) {
    const [input, weights] = [tensorInput(call, 0), tensorInput(call, 1)]
    const projected = project(
      call,
      numbersOf(call, input),
      input.shape,
      numbersOf(call, weights),
      weights.shape,
      Float64Array.of(1),
      optionalTensor(call, 2),
    )
    const joined = weights.shape[1]!
    const sizes = call.attributes.ints('qkv_hidden_sizes', [])
    const widths = sizes.length === 3 ? (sizes as unknown as [number, number, number]) : ([joined / 3, joined / 3, joined / 3] as const)
    checkShape(
      widths.every(width => Number.isInteger(width) && width > 0) && widths[0] + widths[1] + widths[2] === joined,
      call,
      `qkv_hidden_sizes ${widths.join(', ')} of ${joined} columns`,
    )
    return attendPacked(call, {
      projected,
      batch: input.shape[0]!,
      length: input.shape[1]!,
      widths,
      dtype: input.dtype,
      mask: optionalTensor(call, 3),
      past: optionalTensor(call, 4),
      bias: optionalTensor(call, 5),
    })
  },
}

/** The same on 8-bit input and weights. */
const qAttention: Operator = {
  domain: 'com.microsoft',
  name: 'QAttention',
  run(call) {
    const [input, weights, bias] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
    const rows = numbersOf(call, input)
    const zero = scalarOf(call, optionalTensor(call, 6), 'input_zero_point', 0)
    for (let index = 0; index < rows.length; index++) rows[index]! -= zero
    const columns = numbersOf(call, weights)
    const outputs = weights.shape[1] ?? 0
    checkShape(outputs > 0 && outputs % 3 === 0, call, `weights ${showShape(weights.shape)} do not split into three`)
    const weightZero = optionalTensor(call, 7)
    const zeros = weightZero ? numbersOf(call, weightZero) : Float64Array.of(0)
    for (let index = 0; index < columns.length; index++) columns[index]! -= zeros[zeros.length === 1 ? 0 : index % outputs]!
    const inputScale = scalarOf(call, tensorInput(call, 3), 'input_scale', 1)
    const scale = numbersOf(call, tensorInput(call, 4)).map(factor => factor * inputScale)
    checkShape(
      [1, outputs].includes(scale.length) && [1, outputs].includes(zeros.length),
      call,
      `weight_scale of ${scale.length} for ${outputs} columns`,
    )
    return attendPacked(call, {
      projected: project(call, rows, input.shape, columns, weights.shape, scale, bias),
      batch: input.shape[0]!,
      length: input.shape[1]!,
      widths: [outputs / 3, outputs / 3, outputs / 3],
      dtype: bias.dtype,
      mask: optionalTensor(call, 5),
      past: optionalTensor(call, 8),
      bias: undefined,
    })
  },
}

export const packedAttentionOperators: readonly Operator[] = [attention, qAttention]
