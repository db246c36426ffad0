import { describe, expect, it } from 'vitest'
import { Rng, type Tensor } from '../../core/index.ts'
import { denseAttention } from './dense-attention.ts'
import { type RaggedAttentionAttributes, raggedAttention } from './ragged-attention.ts'

const rng = new Rng(5)
const numbers = (shape: readonly number[]): Tensor<'f32'> => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
})
const table = (values: readonly number[]): Tensor<'i32'> => ({ dtype: 'i32', shape: [values.length], data: Int32Array.from(values) })

/** What one sequence gives as a dense attention whose mask says what is seen, and adds the bias. */
function alone(
  [query, key, value]: readonly Tensor<'f32'>[],
  bias: Tensor<'f32'> | undefined,
  { heads, kvHeads, scale, causal, window = Number.POSITIVE_INFINITY }: RaggedAttentionAttributes,
): number[] {
  const [queries, keys] = [query!.shape[0]!, key!.shape[0]!]
  const mask = new Float32Array(heads * queries * keys)
  const reach = bias ? (bias.shape[1]! - 1) / 2 : 0
  for (let h = 0, at = 0; h < heads; h++)
    for (let i = 0; i < queries; i++)
      for (let j = 0; j < keys; j++, at++) {
        const behind = j - (i + keys - queries)
        const isSeen = Math.abs(behind) <= window && !(causal && behind > 0)
        const added = bias ? bias.data[h * bias.shape[1]! + reach + Math.max(-reach, Math.min(reach, behind))]! : 0
        mask[at] = isSeen ? added : Number.NEGATIVE_INFINITY
      }
  const output: Tensor<'f32'> = { dtype: 'f32', shape: [1, queries, query!.shape[1]!], data: new Float32Array(query!.data.length) }
  const operands = [query!, key!, value!].map(t => ({ ...t, shape: [1, ...t.shape] }))
  denseAttention.run({
    inputs: [...operands, { dtype: 'f32', shape: [1, heads, queries, keys], data: mask }],
    outputs: [output],
    attributes: { heads, kvHeads, scale },
    produce() {},
    resolve: dim => dim as number,
  })
  return Array.from(output.data)
}

describe('ragged attention', () => {
  const cases: readonly (Omit<RaggedAttentionAttributes, 'heads' | 'kvHeads' | 'scale'> & { bias?: number })[] = [
    {},
    { causal: true },
    { window: 3 },
    { causal: true, window: 2 },
    { bias: 4 },
  ]
  it.each(cases)('is a dense attention per sequence: %j', ({ bias: distances, ...rest }) => {
    const attributes = { heads: 4, kvHeads: 2, scale: 0.4, ...rest }
    const [queryCounts, keyCounts] = [
      [3, 1, 0, 9],
      [5, 1, 2, 9],
    ]
    const startsOf = (counts: readonly number[]) => [0, ...counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b))]
    const [queryStarts, keyStarts] = [startsOf(queryCounts!), startsOf(keyCounts!)]
    const operands = [numbers([13, 4 * 6]), numbers([17, 2 * 6]), numbers([17, 2 * 6])]
    const bias = distances === undefined ? undefined : numbers([4, 2 * distances + 1])
    const inputs = [...operands, table(queryStarts), table(keyStarts), bias]
    expect(raggedAttention.infer(inputs, attributes)).toEqual([{ dtype: 'f32', shape: [13, 24] }])
    const y: Tensor<'f32'> = { dtype: 'f32', shape: [13, 24], data: new Float32Array(13 * 24).fill(Number.NaN) }
    raggedAttention.run({ inputs, outputs: [y], attributes, produce() {}, resolve: dim => dim as number })
    const expected = queryCounts!.flatMap((queries, s) => {
      const part = (t: Tensor<'f32'>, begin: number, count: number): Tensor<'f32'> => {
        const width = t.shape[1]!
        return { dtype: 'f32', shape: [count, width], data: t.data.slice(begin * width, (begin + count) * width) }
      }
      const [q, k, v] = operands as [Tensor<'f32'>, Tensor<'f32'>, Tensor<'f32'>]
      const keys = keyCounts![s]!
      const own = [part(q, queryStarts[s]!, queries), part(k, keyStarts[s]!, keys), part(v, keyStarts[s]!, keys)]
      return alone(own, bias, attributes)
    })
    for (const [i, value] of expected.entries()) expect(y.data[i]).toBeCloseTo(value, 5)
  })

  it('gives zeros where nothing is seen', () => {
    const y: Tensor<'f32'> = { dtype: 'f32', shape: [2, 4], data: new Float32Array(8).fill(Number.NaN) }
    const inputs = [numbers([2, 4]), numbers([1, 4]), numbers([1, 4]), table([0, 2]), table([0, 1])]
    const attributes = { heads: 1, kvHeads: 1, scale: 1, causal: true }
    raggedAttention.run({ inputs, outputs: [y], attributes, produce() {}, resolve: dim => dim as number })
    expect(Array.from(y.data.subarray(0, 4))).toEqual([0, 0, 0, 0])
    expect(y.data.subarray(4)).toEqual((inputs[2] as Tensor<'f32'>).data)
  })

  it.each([
    ['heads that do not divide', { heads: 4, kvHeads: 3 }, 12],
    ['columns that hold no heads', { heads: 4, kvHeads: 2 }, 10],
    ['a broken window', { heads: 2, kvHeads: 2, window: 1.5 }, 12],
  ])('refuses %s', (_, attributes, width) => {
    const type = { dtype: 'f32', shape: [3, width] } as const
    const starts = { dtype: 'i32', shape: [2] } as const
    expect(() => raggedAttention.infer([type, type, type, starts, starts], { scale: 1, ...attributes })).toThrow('ragged_attention')
  })
})
