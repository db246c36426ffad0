import type { Tensor } from '../../core/index.ts'
import type { BufferType } from '../buffer.ts'
import { agree, check, f32, i32, knownDim, type Op, operand } from '../op.ts'
import { KV_BLOCK_TOKENS, kvPoolHeads, poolReader } from './kv.ts'

export interface AttentionAttributes {
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Multiplies q·k, usually 1/√headDim. */
  readonly scale: number
  /** A query sees no key after its own position; true by default. Otherwise it sees all keys of its sequence. */
  readonly causal?: boolean
  /** A query sees this many newest keys, itself included; all by default. Only where attention is causal. */
  readonly window?: number
  /** Scores become `softcap · tanh(score / softcap)`. */
  readonly softcap?: number
}

/**
 * Attention of ragged sequences over paged keys and values, several query heads per key head; causal unless the attributes
 * say otherwise.
 *
 * Operands: query `[T, heads · headDim]`, key pool, value pool, queryStarts `[S + 1]`, contextLengths `[S]`, blockStarts
 * `[S + 1]`, blocks, sinks `[heads]` or none (an extra score per head that takes probability and has no value),
 * relativeBias `[heads, 2M + 1]` or none (see {@link relativeBiasAt}).
 * Sequence s owns queries `queryStarts[s] .. queryStarts[s + 1]`, the newest at position `contextLengths[s] − 1`; its
 * keys lie in blocks `blocks[blockStarts[s] ..]`. A sequence without queries is skipped; one with queries has a key.
 * Source: Vaswani et al. 2017; paging: Kwon et al. 2023; grouped queries: Ainslie et al. 2023; relative bias: Raffel et al. 2020.
 */
export const attention: Op<AttentionAttributes> = {
  name: 'attention',
  operands: ['query', 'keyPool', 'valuePool', 'queryStarts', 'contextLengths', 'blockStarts', 'blocks', 'sinks?', 'relativeBias?'],
  infer(inputs, { heads, kvHeads, headDim, causal = true, window = 0 }) {
    const [query, keyPool, valuePool, queryStarts, contextLengths, blockStarts, blocks, sinks, relativeBias] = inputs
    const type = operand('attention', 'query', query, 'f32', 2)
    check(causal || window === 0, 'attention', 'a window needs causal attention')
    check(heads % kvHeads === 0, 'attention', `${heads} heads cannot share ${kvHeads} key heads evenly`)
    agree('attention', 'query columns', type.shape[1]!, heads * headDim)
    for (const [name, pool] of [
      ['keyPool', keyPool],
      ['valuePool', valuePool],
    ] as const) {
      const own = kvPoolHeads('attention', name, pool)
      check(own.kvHeads === kvHeads && own.headDim === headDim, 'attention', `${name} has another shape than the heads`)
    }
    for (const [name, table] of Object.entries({ queryStarts, contextLengths, blockStarts, blocks }))
      operand('attention', name, table, 'i32', 1)
    if (sinks) agree('attention', 'sinks', operand('attention', 'sinks', sinks, 'f32', 1).shape[0]!, heads)
    if (relativeBias) checkRelativeBias('attention', relativeBias, heads)
    return [type]
  },
  run({ inputs, outputs, attributes: { heads, kvHeads, headDim, scale, causal = true, window = 0, softcap = 0 } }) {
    const query = f32(inputs[0])
    const key = poolReader(inputs[1]!)
    const value = poolReader(inputs[2]!)
    const [queryStarts, contextLengths, blockStarts, blocks] = inputs.slice(3, 7).map(i32) as [
      Int32Array,
      Int32Array,
      Int32Array,
      Int32Array,
    ]
    const sinks = inputs[7] && f32(inputs[7])
    const bias = inputs[8] ? relativeBiasAt(inputs[8]) : () => 0
    const y = f32(outputs[0])
    for (let s = 0; s < contextLengths.length; s++)
      for (let q = queryStarts[s]!; q < queryStarts[s + 1]!; q++) {
        const position = contextLengths[s]! - (queryStarts[s + 1]! - q)
        const first = window > 0 ? Math.max(0, position - window + 1) : 0
        const last = causal ? position : contextLengths[s]! - 1
        for (let h = 0; h < heads; h++) {
          const at = (q * heads + h) * headDim
          const kvHead = Math.floor((h * kvHeads) / heads)
          const row = (p: number): number =>
            (blocks[blockStarts[s]! + Math.floor(p / KV_BLOCK_TOKENS)]! * KV_BLOCK_TOKENS + (p % KV_BLOCK_TOKENS)) * kvHeads + kvHead
          const scores: number[] = []
          for (let p = first; p <= last; p++) {
            let score = 0
            for (let d = 0, k = row(p); d < headDim; d++) score += query[at + d]! * key(k, d)
            score = score * scale + bias(h, p - position)
            scores.push(softcap > 0 ? softcap * Math.tanh(score / softcap) : score)
          }
          let largest = sinks ? sinks[h]! : -Infinity
          for (const score of scores) largest = Math.max(largest, score)
          let total = sinks ? Math.exp(sinks[h]! - largest) : 0
          const sum = new Float64Array(headDim)
          for (const [i, score] of scores.entries()) {
            const weight = Math.exp(score - largest)
            total += weight
            for (let d = 0, v = row(first + i); d < headDim; d++) sum[d]! += weight * value(v, d)
          }
          for (let d = 0; d < headDim; d++) y[at + d] = sum[d]! / total
        }
      }
  },
}

/** Checks a bias operand: a row per head, an odd number of distances. */
export function checkRelativeBias(op: string, type: BufferType, heads: number): void {
  const [rows, distances] = operand(op, 'relativeBias', type, 'f32', 2).shape
  agree(op, 'relative bias and heads', rows!, heads)
  const known = knownDim(op, 'distances of a relative bias', distances)
  check(known % 2 === 1, op, `a relative bias has a number for as many distances back as forth and for 0, not ${known}`)
}

/**
 * Reads a bias `[heads, 2M + 1]` that is added to scores before the softcap: the number of a head for the distance `key
 * position − query position`, from −M in the first column to M in the last; beyond M it is the outermost.
 */
export function relativeBiasAt(bias: Tensor): (head: number, distance: number) => number {
  const data = f32(bias)
  const width = bias.shape[1]!
  const most = (width - 1) / 2
  return (head, distance) => data[head * width + Math.min(Math.max(distance, -most), most) + most]!
}
