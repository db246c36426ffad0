import type { Dim } from '../dims.ts'
import { agree, check, f32, i32, knownDim, type Op, operand } from '../op.ts'

export interface RaggedAttentionAttributes {
  readonly heads: number
  /** Divides `heads`; heads in a row share keys and values. */
  readonly kvHeads: number
  /** Multiplies q·k, usually 1/√headDim. */
  readonly scale: number
  /** A query sees no key behind its own position. */
  readonly causal?: boolean
  /** A query sees keys at most this far from its own position, to both sides; all by default. */
  readonly window?: number
  /** Scores, the bias included, become `softcap · tanh(score / softcap)`. */
  readonly softcap?: number
}

const OP = 'ragged_attention'

/**
 * Attention of sequences of different lengths that lie one after the other, without padding and without a cache: encoders,
 * and decoders that read an encoder.
 *
 * Operands: query `[Tq, heads · D]`, key `[Tk, kvHeads · D]`, value `[Tk, kvHeads · Dv]`, queryStarts and keyStarts
 * `[S + 1]`, bias `[heads, 2P − 1]` or none; output `[Tq, heads · Dv]`. Sequence s owns queries `queryStarts[s] ..
 * queryStarts[s + 1]` and keys `keyStarts[s] .. keyStarts[s + 1]`. Its last query stands at the position of its last key,
 * the others directly before it. The bias of a key d places behind the query (before it, where d is negative) is
 * `bias[head, P − 1 + d]`, d limited to −(P − 1) .. P − 1. A query that sees no key gives zeros.
 */
export const raggedAttention: Op<RaggedAttentionAttributes> = {
  name: OP,
  operands: ['query', 'key', 'value', 'queryStarts', 'keyStarts', 'bias?'],
  infer([query, key, value, queryStarts, keyStarts, bias], attributes) {
    const { heads, kvHeads, window, softcap } = attributes
    const types = [operand(OP, 'query', query, 'f32', 2), operand(OP, 'key', key, 'f32', 2), operand(OP, 'value', value, 'f32', 2)] as const
    const { headDim, valueDim } = raggedWidths(
      types.map(({ shape }) => shape),
      attributes,
    )
    agree(OP, 'query and key heads', headDim, (types[1].shape[1] as number) / kvHeads)
    agree(OP, 'keys and values', types[1].shape[0]!, types[2].shape[0]!)
    agree(
      OP,
      'starts of queries and keys',
      operand(OP, 'queryStarts', queryStarts, 'i32', 1).shape[0]!,
      operand(OP, 'keyStarts', keyStarts, 'i32', 1).shape[0]!,
    )
    check(window === undefined || (Number.isInteger(window) && window >= 0), OP, `a window of ${window}`)
    check(softcap === undefined || softcap > 0, OP, `a softcap of ${softcap}`)
    if (bias) {
      const [rows, distances] = operand(OP, 'bias', bias, 'f32', 2).shape
      agree(OP, 'heads of the bias', rows!, heads)
      check(knownDim(OP, 'distances of the bias', distances) % 2 === 1, OP, 'a bias has an odd number of distances')
    }
    return [{ dtype: 'f32', shape: [types[0].shape[0]!, heads * valueDim] }]
  },
  run({ inputs, outputs: [output], attributes }) {
    const { heads, kvHeads, scale, causal = false, window = Number.POSITIVE_INFINITY, softcap = 0 } = attributes
    const { headDim, valueDim } = raggedWidths(
      inputs.slice(0, 3).map(input => input!.shape),
      attributes,
    )
    const [query, key, value] = inputs.slice(0, 3).map(f32) as [Float32Array, Float32Array, Float32Array]
    const [queryStarts, keyStarts] = inputs.slice(3, 5).map(i32) as [Int32Array, Int32Array]
    const bias = inputs[5] && f32(inputs[5])
    const distances = inputs[5]?.shape[1] ?? 1
    const reach = (distances - 1) / 2
    const y = f32(output)
    for (let s = 0; s + 1 < queryStarts.length; s++) {
      const [firstKey, keys] = [keyStarts[s]!, keyStarts[s + 1]! - keyStarts[s]!]
      const scores = new Float64Array(keys)
      for (let q = queryStarts[s]!; q < queryStarts[s + 1]!; q++) {
        const position = keys - (queryStarts[s + 1]! - q)
        const begin = Math.max(0, position - window)
        const end = Math.min(keys, (causal ? position : position + window) + 1)
        for (let h = 0; h < heads; h++) {
          const kvHead = Math.floor((h * kvHeads) / heads)
          const at = (q * heads + h) * headDim
          let largest = -Infinity
          for (let j = begin; j < end; j++) {
            let score = 0
            for (let d = 0, k = ((firstKey + j) * kvHeads + kvHead) * headDim; d < headDim; d++) score += query[at + d]! * key[k + d]!
            score *= scale
            if (bias) score += bias[h * distances + reach + Math.max(-reach, Math.min(reach, j - position))]!
            scores[j] = softcap > 0 ? softcap * Math.tanh(score / softcap) : score
            largest = Math.max(largest, scores[j]!)
          }
          const sums = new Float64Array(valueDim)
          let total = 0
          for (let j = begin; j < end; j++) {
            const weight = Math.exp(scores[j]! - largest)
            total += weight
            for (let d = 0, v = ((firstKey + j) * kvHeads + kvHead) * valueDim; d < valueDim; d++) sums[d]! += weight * value[v + d]!
          }
          for (let d = 0; d < valueDim; d++) y[(q * heads + h) * valueDim + d] = total > 0 ? sums[d]! / total : 0
        }
      }
    }
  },
}

/** Widths of a query or key head and of a value head. @throws HenceError `PROGRAM_INVALID` where heads do not fit */
export function raggedWidths(
  [query, , value]: readonly (readonly Dim[])[],
  { heads, kvHeads }: Pick<RaggedAttentionAttributes, 'heads' | 'kvHeads'>,
): { readonly headDim: number; readonly valueDim: number } {
  check(heads % kvHeads === 0, OP, `${kvHeads} key heads do not divide ${heads}`)
  const width = (name: string, shape: readonly Dim[], count: number): number => {
    const columns = knownDim(OP, `${name} columns`, shape[1])
    check(columns > 0 && columns % count === 0, OP, `${columns} ${name} columns do not hold ${count} heads`)
    return columns / count
  }
  return { headDim: width('query', query!, heads), valueDim: width('value', value!, kvHeads) }
}
