import { agree, check, f32, i32, type Op, operand } from '../op.ts'
import { KV_BLOCK_TOKENS, kvPool, poolReader } from './kv.ts'

export interface AttentionAttributes {
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Multiplies q·k, usually 1/√headDim. */
  readonly scale: number
  /** A query sees this many newest keys, itself included; all by default. */
  readonly window?: number
  /** Scores become `softcap · tanh(score / softcap)`. */
  readonly softcap?: number
}

/**
 * Causal attention of ragged sequences over paged keys and values, several query heads per key head.
 *
 * Operands: query `[T, heads · headDim]`, key pool, value pool, queryStarts `[S + 1]`, contextLengths `[S]`, blockStarts
 * `[S + 1]`, blocks, sinks `[heads]` or none (an extra score per head that takes probability and has no value).
 * Sequence s owns queries `queryStarts[s] .. queryStarts[s + 1]`, the newest at position `contextLengths[s] − 1`; its
 * keys lie in blocks `blocks[blockStarts[s] ..]`. A sequence without queries is skipped.
 * Source: Vaswani et al. 2017; paging: Kwon et al. 2023; grouped queries: Ainslie et al. 2023.
 */
export const attention: Op<AttentionAttributes> = {
  name: 'attention',
  operands: ['query', 'keyPool', 'valuePool', 'queryStarts', 'contextLengths', 'blockStarts', 'blocks', 'sinks?'],
  infer([query, keyPool, valuePool, queryStarts, contextLengths, blockStarts, blocks, sinks], { heads, kvHeads, headDim }) {
    const type = operand('attention', 'query', query, 'f32', 2)
    check(heads % kvHeads === 0, 'attention', `${heads} heads cannot share ${kvHeads} key heads evenly`)
    agree('attention', 'query columns', type.shape[1]!, heads * headDim)
    for (const [name, pool] of [
      ['keyPool', keyPool],
      ['valuePool', valuePool],
    ] as const) {
      const { shape } = kvPool('attention', name, pool)
      check(
        shape[1] === KV_BLOCK_TOKENS && shape[2] === kvHeads && shape[3] === headDim,
        'attention',
        `${name} has another shape than the heads`,
      )
    }
    for (const [name, table] of Object.entries({ queryStarts, contextLengths, blockStarts, blocks }))
      operand('attention', name, table, 'i32', 1)
    if (sinks) agree('attention', 'sinks', operand('attention', 'sinks', sinks, 'f32', 1).shape[0]!, heads)
    return [type]
  },
  run({ inputs, outputs, attributes: { heads, kvHeads, headDim, scale, window = 0, softcap = 0 } }) {
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
    const y = f32(outputs[0])
    for (let s = 0; s < contextLengths.length; s++)
      for (let q = queryStarts[s]!; q < queryStarts[s + 1]!; q++) {
        const position = contextLengths[s]! - (queryStarts[s + 1]! - q)
        const first = window > 0 ? Math.max(0, position - window + 1) : 0
        for (let h = 0; h < heads; h++) {
          const at = (q * heads + h) * headDim
          const kvHead = Math.floor((h * kvHeads) / heads)
          const place = (p: number): number =>
            ((blocks[blockStarts[s]! + Math.floor(p / KV_BLOCK_TOKENS)]! * KV_BLOCK_TOKENS + (p % KV_BLOCK_TOKENS)) * kvHeads + kvHead) *
            headDim
          const scores: number[] = []
          for (let p = first; p <= position; p++) {
            let score = 0
            for (let d = 0, k = place(p); d < headDim; d++) score += query[at + d]! * key(k + d)
            score *= scale
            scores.push(softcap > 0 ? softcap * Math.tanh(score / softcap) : score)
          }
          let largest = sinks ? sinks[h]! : -Infinity
          for (const score of scores) largest = Math.max(largest, score)
          let total = sinks ? Math.exp(sinks[h]! - largest) : 0
          const sum = new Float64Array(headDim)
          for (const [i, score] of scores.entries()) {
            const weight = Math.exp(score - largest)
            total += weight
            for (let d = 0, v = place(first + i); d < headDim; d++) sum[d]! += weight * value(v + d)
          }
          for (let d = 0; d < headDim; d++) y[at + d] = sum[d]! / total
        }
      }
  },
}
