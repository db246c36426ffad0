import {
  checkShape,
  type GraphTensor,
  type Operator,
  type OperatorCall,
  optionalTensor,
  tensorInput,
  unsupportedVariant,
} from '../../operator.ts'
import { attend, emptyHeads, type Heads, headsLast, headsTensor, rotaryTable, rotateHeads, scoreBias } from '../attention/index.ts'
import { checkedCount, integerInput, integersInput, integersOf, numbersOf, showShape } from '../support/index.ts'

/** Attention of language models: heads of keys shared by several of queries, rotary positions, a cache. */
const groupQueryAttention: Operator = {
  domain: 'com.microsoft',
  name: 'GroupQueryAttention',
  run(call) {
    const { attributes } = call
    for (const name of ['k_quant_type', 'v_quant_type']) {
      const kind = attributes.string(name, 'NONE')
      if (kind !== 'NONE') throw unsupportedVariant(call, `${name} ${kind}`)
    }
    const query = tensorInput(call, 0)
    const { q, k, v } = readHeads(call, query)
    const { batch, length } = q
    // Of each sequence, what there is after this call, less one.
    const totals = integersInput(call, 5, 'seqlens_k').map(last => last + 1)
    const total = integerInput(call, 6, 'total_sequence_length')
    checkShape(
      totals.length === batch && totals.every(count => count >= 1 && count <= total),
      call,
      `seqlens_k ${showShape(totals)} for ${batch} sequences of at most ${total}`,
    )
    // A prompt starts an empty cache and may be padded on its right; later calls append their queries.
    const isPrompt = length === total
    const before = totals.map(count => (isPrompt ? 0 : count - length))
    checkShape(
      before.every(count => count >= 0),
      call,
      `${length} new positions in sequences of ${showShape(totals)}`,
    )
    if (attributes.int('do_rotary', 0) !== 0) rotate(call, q, k, before)
    const room = Math.max(total, optionalTensor(call, 3)?.shape[2] ?? 0)
    const keys = append(call, optionalTensor(call, 3), k, before, room)
    const values = append(call, optionalTensor(call, 4), v, before, room)
    const added = optionalTensor(call, 10)
    const window = attributes.int('local_window_size', -1)
    const output = emptyHeads(call, 3, batch, q.heads, length, v.size)
    const sinks = optionalTensor(call, 11)
    attend(call, q, keys, values, output, {
      scale: attributes.float('scale', 0) || 1 / Math.sqrt(q.size),
      softcap: attributes.float('softcap', 0),
      biases: added ? [scoreBias(call, added, [added.shape[0] === 1 ? 1 : batch, q.heads, length, room], true)] : undefined,
      visible: (b, position) => {
        const end = before[b]! + position + 1
        return [window >= 0 ? Math.max(0, end - window) : 0, end]
      },
      sinks: sinks ? numbersOf(call, sinks) : attributes.int('smooth_softmax', 0) > 0 ? new Float64Array(q.heads) : undefined,
    })
    return [headsTensor(call, output, 3, query.dtype), headsTensor(call, keys, 4, query.dtype), headsTensor(call, values, 4, query.dtype)]
  },
}

/** Queries, keys and values, joined in one operand where there are no keys. */
function readHeads(call: OperatorCall, query: GraphTensor): { q: Heads; k: Heads; v: Heads } {
  const [heads, shared] = [call.attributes.int('num_heads'), call.attributes.int('kv_num_heads')]
  checkShape(
    query.shape.length === 3 && heads > 0 && shared > 0,
    call,
    `query must be [batch, length, hidden], is ${showShape(query.shape)}`,
  )
  const [batch, length, width] = query.shape as [number, number, number]
  const rows = numbersOf(call, query)
  const [key, value] = [optionalTensor(call, 1), optionalTensor(call, 2)]
  if (!key || !value) {
    const size = width / (heads + 2 * shared)
    checkShape(Number.isInteger(size), call, `${width} elements do not split into ${heads} + 2·${shared} heads`)
    const part = (own: number, offset: number): Heads =>
      headsLast(rows, batch, own, length, size, { rowStride: width, offset: offset * size })
    return { q: part(heads, 0), k: part(shared, heads), v: part(shared, heads + shared) }
  }
  const fits =
    width % heads === 0 &&
    [key, value].every(({ shape }) => shape.length === 3 && shape[0] === batch && shape[1] === length && shape[2]! % shared === 0)
  checkShape(fits, call, `keys ${showShape(key.shape)} and values ${showShape(value.shape)} do not fit queries ${showShape(query.shape)}`)
  const part = (input: GraphTensor): Heads => headsLast(numbersOf(call, input), batch, shared, length, input.shape[2]! / shared)
  return { q: headsLast(rows, batch, heads, length, width / heads), k: part(key), v: part(value) }
}

function rotate(call: OperatorCall, q: Heads, k: Heads, before: readonly number[]): void {
  const [cos, sin] = [tensorInput(call, 7), tensorInput(call, 8)]
  const given = optionalTensor(call, 9)
  const positions = given && integersOf(call, given, 'position_ids')
  checkShape(
    !positions || positions.length === q.batch * q.length,
    call,
    `${positions?.length} positions for ${q.batch}×${q.length} queries`,
  )
  const rows = cos.shape[0] ?? 0
  const row = (b: number, s: number): number => {
    const at = positions ? positions[b * q.length + s]! : before[b]! + s
    checkShape(at >= 0 && at < rows, call, `position ${at} in a cache of ${rows}`, { position: at, rows })
    return at
  }
  const table = rotaryTable(call, cos, sin, q, 2 * (cos.shape[1] ?? 0), row)
  const interleaved = call.attributes.int('rotary_interleaved', 0) !== 0
  rotateHeads(q, table, interleaved)
  rotateHeads(k, table, interleaved)
}

/** A cache of `room` positions in which each sequence goes on after its own `before` ones. */
function append(call: OperatorCall, past: GraphTensor | undefined, now: Heads, before: readonly number[], room: number): Heads {
  const fits =
    !past || (past.shape.length === 4 && past.shape[0] === now.batch && past.shape[1] === now.heads && past.shape[3] === now.size)
  checkShape(fits, call, `cache ${showShape(past?.shape ?? [])} does not fit ${now.batch}×${now.heads} heads of ${now.size}`)
  const held = past?.shape[2] ?? 0
  checkShape(
    before.every(count => count <= held),
    call,
    `a cache of ${held} positions for sequences of ${showShape(before)}`,
  )
  checkedCount(call, [now.batch, now.heads, room, now.size])
  const cache = emptyHeads(call, 4, now.batch, now.heads, room, now.size)
  const old = past && numbersOf(call, past)
  for (let b = 0; b < now.batch; b++)
    for (let h = 0; h < now.heads; h++) {
      const row = b * cache.batchStride + h * cache.headStride
      const first = (b * now.heads + h) * held * now.size
      if (old) cache.data.set(old.subarray(first, first + held * now.size), row)
      for (let s = 0; s < now.length; s++) {
        const read = now.offset + b * now.batchStride + h * now.headStride + s * now.rowStride
        cache.data.set(now.data.subarray(read, read + now.size), row + (before[b]! + s) * now.size)
      }
    }
  return cache
}

export const groupQueryAttentionOperators: readonly Operator[] = [groupQueryAttention]
