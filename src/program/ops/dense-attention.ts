import { type Dim, formatShape, productDim, sameDim } from '../dims.ts'
import { check, f32, knownDim, type Op, operand } from '../op.ts'

export interface DenseAttentionAttributes {
  readonly heads: number
  /** Divides `heads`; heads in a row share keys and values. */
  readonly kvHeads: number
  /** Multiplies q·k, usually 1/√headDim. */
  readonly scale: number
  /** Query i sees keys 0 .. i + causal; all by default. */
  readonly causal?: Dim
}

/** Sizes of a dense attention and the strides of its operands in elements. */
export interface DenseAttentionShape {
  readonly batch: Dim
  readonly queries: Dim
  readonly keys: Dim
  readonly headDim: number
  readonly valueDim: number
  /** `[batch, heads, tokens, width]`, else `[batch, tokens, heads · width]`. */
  readonly headsFirst: boolean
}

const OP = 'dense_attention'

/**
 * `softmax(scale · q · kᵀ + mask) · v` per head over dense operands.
 *
 * Either query `[B, H, Sq, D]`, key `[B, KH, Sk, D]`, value `[B, KH, Sk, Dv]` and the output `[B, H, Sq, Dv]`, or query
 * `[B, Sq, H·D]`, key `[B, Sk, KH·D]`, value `[B, Sk, KH·Dv]` and the output `[B, Sq, H·Dv]`. The mask f32, or none, is
 * `[B or 1, H or 1, Sq or 1, Sk]` and is added; a row all of −∞ gives NaN.
 */
export const denseAttention: Op<DenseAttentionAttributes> = {
  name: OP,
  operands: ['query', 'key', 'value', 'mask?'],
  infer(inputs, attributes) {
    const [query, key, value] = (['query', 'key', 'value'] as const).map((name, i) => operand(OP, name, inputs[i], 'f32').shape)
    const { heads } = attributes
    const { batch, queries, keys, valueDim, headsFirst } = denseAttentionShape([query!, key!, value!], attributes)
    const mask = inputs[3] && operand(OP, 'mask', inputs[3], 'f32', 4).shape
    const whole = [batch, heads, queries, keys]
    const fits = mask?.every((size, axis) => (size === 1 && axis < 3) || sameDim(size, whole[axis]!)) ?? true
    check(fits, OP, `the mask of shape ${formatShape(mask ?? [])} does not fit ${formatShape(whole)}`)
    return [{ dtype: 'f32', shape: headsFirst ? [batch, heads, queries, valueDim] : [batch, queries, heads * valueDim] }]
  },
  run({ inputs, outputs: [output], attributes, resolve }) {
    const { heads, kvHeads, scale, causal } = attributes
    const shapes = inputs.slice(0, 3).map(input => input!.shape)
    const { headDim, valueDim, headsFirst, ...dims } = denseAttentionShape(shapes, attributes)
    const [batches, queries, keys] = [dims.batch, dims.queries, dims.keys] as [number, number, number]
    const [q, k, v] = inputs.slice(0, 3).map(f32) as [Float32Array, Float32Array, Float32Array]
    const mask = inputs[3] && f32(inputs[3])
    const maskShape = inputs[3]?.shape ?? [1, 1, 1, 1]
    const y = f32(output)
    const offset = causal === undefined ? keys : resolve(causal)
    const at = (batch: number, head: number, token: number, headCount: number, tokens: number, width: number): number =>
      headsFirst ? ((batch * headCount + head) * tokens + token) * width : ((batch * tokens + token) * headCount + head) * width
    const scores = new Float64Array(keys)
    for (let b = 0; b < batches; b++)
      for (let h = 0; h < heads; h++)
        for (let i = 0; i < queries; i++) {
          const kvHead = Math.floor(h / (heads / kvHeads))
          const seen = Math.min(keys, i + offset + 1)
          const place = [b, h, i].map((index, axis) => (maskShape[axis] === 1 ? 0 : index)) as [number, number, number]
          const maskRow = ((place[0] * maskShape[1]! + place[1]) * maskShape[2]! + place[2]) * keys
          const from = at(b, h, i, heads, queries, headDim)
          let largest = -Infinity
          for (let j = 0; j < seen; j++) {
            const row = at(b, kvHead, j, kvHeads, keys, headDim)
            let dot = 0
            for (let d = 0; d < headDim; d++) dot += q[from + d]! * k[row + d]!
            scores[j] = dot * scale + (mask ? mask[maskRow + j]! : 0)
            largest = Math.max(largest, scores[j]!)
          }
          let sum = 0
          for (let j = 0; j < seen; j++) {
            scores[j] = Math.exp(scores[j]! - largest)
            sum += scores[j]!
          }
          const to = at(b, h, i, heads, queries, valueDim)
          for (let d = 0; d < valueDim; d++) {
            let total = 0
            for (let j = 0; j < seen; j++) total += scores[j]! * v[at(b, kvHead, j, kvHeads, keys, valueDim) + d]!
            y[to + d] = total / sum
          }
        }
  },
}

/** What the shapes of query, key and value say. @throws HenceError `PROGRAM_INVALID` where they do not fit together */
export function denseAttentionShape(
  [query, key, value]: readonly (readonly Dim[])[],
  { heads, kvHeads }: Pick<DenseAttentionAttributes, 'heads' | 'kvHeads'>,
): DenseAttentionShape {
  const headsFirst = query!.length === 4
  check(
    [key, value].every(shape => shape!.length === query!.length) && (headsFirst || query!.length === 3),
    OP,
    'operands need 3 or 4 axes',
  )
  check(heads % kvHeads === 0, OP, `${kvHeads} key heads do not divide ${heads}`)
  const tokensAxis = headsFirst ? 2 : 1
  const width = (shape: readonly Dim[], count: number): number => {
    const last = knownDim(OP, 'the last axis', shape.at(-1))
    check(headsFirst ? sameDim(shape[1]!, count) : last % count === 0, OP, `shape ${formatShape(shape)} does not hold ${count} heads`)
    return headsFirst ? last : last / count
  }
  const headDim = width(query!, heads)
  check(width(key!, kvHeads) === headDim, OP, 'query and key heads differ in width')
  check(sameDim(key![tokensAxis]!, value![tokensAxis]!), OP, 'keys and values differ in number')
  check(
    [key, value].every(shape => sameDim(shape![0]!, query![0]!)),
    OP,
    'batches differ',
  )
  return { batch: query![0]!, queries: query![tokensAxis]!, keys: key![tokensAxis]!, headDim, valueDim: width(value!, kvHeads), headsFirst }
}

/** Strides `[batch, head, token]` of an operand. */
export function denseAttentionStrides(headsFirst: boolean, tokens: Dim, heads: number, width: number): readonly [Dim, Dim, Dim] {
  const batch = productDim(tokens, heads * width)
  return headsFirst ? [batch, productDim(tokens, width), width] : [batch, width, heads * width]
}
