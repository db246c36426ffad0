import {
  checkShape,
  type GraphTensor,
  type Operator,
  type OperatorCall,
  optionalTensor,
  tensorInput,
  unsupportedVariant,
} from '../../operator.ts'
import {
  attend,
  emptyHeads,
  type Heads,
  headsFirst,
  headsLast,
  headsTensor,
  joinPast,
  type ScoreBias,
  scoreBias,
} from '../attention/index.ts'
import { numbersOf, scalarOf, showShape, tensorFromNumbers } from '../support/index.ts'
import { paddingBias } from './padding-mask.ts'

/** Where an operator of this family keeps its operands. */
interface Positions {
  readonly mask: number
  readonly scoreBias: number
  readonly pastKey: number
  readonly pastValue: number
  readonly inputBias: number
}

/** Queries, keys and values from the layouts MultiHeadAttention takes. @throws HenceError `SHAPE_MISMATCH` */
function readHeads(call: OperatorCall, heads: number): { q: Heads; k: Heads; v: Heads; headsAlready: boolean } {
  const [query, key, value] = [tensorInput(call, 0), optionalTensor(call, 1), optionalTensor(call, 2)]
  const rows = numbersOf(call, query)
  if (!key) {
    // batch × length × heads × 3 × size
    const [batch, length, own, three, size] = query.shape as [number, number, number, number, number]
    checkShape(
      query.shape.length === 5 && own === heads && three === 3,
      call,
      `packed query must be [batch, length, ${heads}, 3, size], is ${showShape(query.shape)}`,
    )
    const part = (index: number): Heads => ({
      ...headsLast(rows, batch, heads, length, size, { rowStride: heads * 3 * size, offset: index * size }),
      headStride: 3 * size,
    })
    return { q: part(0), k: part(1), v: part(2), headsAlready: false }
  }
  const fits = query.shape.length === 3 && heads > 0 && query.shape[2]! % heads === 0
  checkShape(fits, call, `query must be [batch, length, hidden] of ${heads} heads, is ${showShape(query.shape)}`)
  const [batch, length, width] = query.shape as [number, number, number]
  const q = headsLast(rows, batch, heads, length, width / heads)
  const keys = numbersOf(call, key)
  if (!value) {
    // batch × length × heads × 2 × size
    const [keyBatch, keyLength, own, two, size] = key.shape as [number, number, number, number, number]
    checkShape(
      key.shape.length === 5 && own === heads && two === 2,
      call,
      `packed key must be [batch, length, ${heads}, 2, size], is ${showShape(key.shape)}`,
    )
    const part = (index: number): Heads => ({
      ...headsLast(keys, keyBatch, heads, keyLength, size, { rowStride: heads * 2 * size, offset: index * size }),
      headStride: 2 * size,
    })
    return { q, k: part(0), v: part(1), headsAlready: false }
  }
  return {
    q,
    k: keyHeads(call, key, keys, heads),
    v: keyHeads(call, value, numbersOf(call, value), heads),
    headsAlready: key.shape.length === 4,
  }
}

function keyHeads(call: OperatorCall, input: GraphTensor, data: Float64Array<ArrayBuffer>, heads: number): Heads {
  const { shape } = input
  if (shape.length === 4 && shape[1] === heads) return headsFirst(data, shape[0]!, heads, shape[2]!, shape[3]!)
  checkShape(
    shape.length === 3 && shape[2]! % heads === 0,
    call,
    `keys and values of ${heads} heads cannot have the shape ${showShape(shape)}`,
  )
  return headsLast(data, shape[0]!, heads, shape[1]!, shape[2]! / heads)
}

/** Adds a bias of all query, key and value elements in place. */
function addInputBias(call: OperatorCall, bias: GraphTensor | undefined, parts: readonly Heads[]): void {
  if (!bias) return
  const values = numbersOf(call, bias)
  const total = parts.reduce((sum, part) => sum + part.heads * part.size, 0)
  checkShape(values.length === total, call, `bias of ${values.length} for ${total} elements`)
  let first = 0
  for (const { data, offset, batch, heads, length, size, batchStride, headStride, rowStride } of parts) {
    for (let b = 0; b < batch; b++)
      for (let h = 0; h < heads; h++)
        for (let s = 0; s < length; s++) {
          const at = offset + b * batchStride + h * headStride + s * rowStride
          for (let i = 0; i < size; i++) data[at + i]! += values[first + h * size + i]!
        }
    first += heads * size
  }
}

function multiHeadAttention(call: OperatorCall, positions: Positions): readonly (GraphTensor | undefined)[] {
  const { attributes } = call
  const heads = attributes.int('num_heads')
  const { q, k, v, headsAlready } = readHeads(call, heads)
  const { dtype } = tensorInput(call, 0)
  addInputBias(call, optionalTensor(call, positions.inputBias), headsAlready ? [q] : [q, k, v])
  const [pastKey, pastValue] = [optionalTensor(call, positions.pastKey), optionalTensor(call, positions.pastValue)]
  const [keys, values] = [joinPast(call, pastKey, k, 'past_key'), joinPast(call, pastValue, v, 'past_value')]
  const mask = optionalTensor(call, positions.mask)
  const added = optionalTensor(call, positions.scoreBias)
  const biases: ScoreBias[] = []
  if (mask) biases.push(paddingBias(call, mask, q.batch, q.length, keys.length, attributes.float('mask_filter_value', -10000)))
  if (added) biases.push(scoreBias(call, added, [q.batch, heads, q.length, keys.length], false))
  const before = keys.length - q.length
  const output = emptyHeads(call, 3, q.batch, heads, q.length, values.size)
  const scores = attend(call, q, keys, values, output, {
    scale: attributes.float('scale', 0) || 1 / Math.sqrt(q.size),
    biases,
    visible: attributes.int('unidirectional', 0) !== 0 ? (_, query) => [0, before + query + 1] : undefined,
    capture: call.outputCount > 3 ? 'product' : undefined,
  })
  return [
    headsTensor(call, output, 3, dtype),
    call.outputCount > 1 ? headsTensor(call, keys, 4, dtype) : undefined,
    call.outputCount > 2 ? headsTensor(call, values, 4, dtype) : undefined,
    scores && tensorFromNumbers(call, dtype, [q.batch, heads, q.length, keys.length], scores),
  ]
}

const multiHead: Operator = {
  domain: 'com.microsoft',
  name: 'MultiHeadAttention',
  run: call => {
    if (call.inputs[8] !== undefined || call.inputs[9] !== undefined) throw unsupportedVariant(call, 'a cache shared by beams')
    return multiHeadAttention(call, { mask: 4, scoreBias: 5, pastKey: 6, pastValue: 7, inputBias: 3 })
  },
}

/** One step of decoding; with a shared buffer the cache has room after `past_sequence_length` positions. */
const decoderMasked: Operator = {
  domain: 'com.microsoft',
  name: 'DecoderMaskedMultiHeadAttention',
  run: call => {
    if (scalarOf(call, optionalTensor(call, 8), 'beam_width', 1) > 1) throw unsupportedVariant(call, 'a cache shared by beams')
    if (call.attributes.int('past_present_share_buffer', 0) === 0)
      return multiHeadAttention(call, { mask: 3, scoreBias: 4, pastKey: 5, pastValue: 6, inputBias: 10 })
    return decodeShared(call)
  },
}

function decodeShared(call: OperatorCall): readonly (GraphTensor | undefined)[] {
  const length = scalarOf(call, tensorInput(call, 7), 'past_sequence_length', 0)
  const room = tensorInput(call, 5).shape[2] ?? 0
  checkShape(Number.isInteger(length) && length >= 0 && length < room, call, `past_sequence_length ${length} in a buffer of ${room}`)
  const used = [5, 6].map(position => takePositions(call, tensorInput(call, position), length))
  const inputs = call.inputs.map((input, i) => (i === 5 || i === 6 ? used[i - 5] : input))
  const [output, key, value, ...rest] = multiHeadAttention(
    { ...call, inputs, outputCount: Math.max(3, call.outputCount) },
    { mask: 3, scoreBias: 4, pastKey: 5, pastValue: 6, inputBias: 10 },
  )
  return [output, refill(call, tensorInput(call, 5), key!), refill(call, tensorInput(call, 6), value!), ...rest]
}

/** The first positions of a cache `[batch, heads, length, size]`. */
function takePositions(call: OperatorCall, cache: GraphTensor, length: number): GraphTensor {
  const [batch, heads, room, size] = cache.shape as [number, number, number, number]
  const from = numbersOf(call, cache)
  const to = new Float64Array(batch * heads * length * size)
  for (let row = 0; row < batch * heads; row++)
    to.set(from.subarray(row * room * size, row * room * size + length * size), row * length * size)
  return tensorFromNumbers(call, cache.dtype, [batch, heads, length, size], to)
}

/** A cache whose first positions are those of `now`. */
function refill(call: OperatorCall, cache: GraphTensor, now: GraphTensor): GraphTensor {
  const [batch, heads, room, size] = cache.shape as [number, number, number, number]
  const length = now.shape[2]!
  const [to, from] = [numbersOf(call, cache), numbersOf(call, now)]
  for (let row = 0; row < batch * heads; row++) to.set(from.subarray(row * length * size, (row + 1) * length * size), row * room * size)
  return tensorFromNumbers(call, cache.dtype, cache.shape, to)
}

export const multiHeadAttentionOperators: readonly Operator[] = [multiHead, decoderMasked]
