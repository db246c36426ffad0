import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, runOperator, typed } from '../../../../test/operator-call.ts'
import type { GraphTensor } from '../../operator.ts'

const wave = (shape: readonly number[], seed: number): GraphTensor =>
  f32(shape, ...Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.3 + seed)))

describe('Attention', () => {
  it('gives zeros to a query that sees no key', async () => {
    const mask = typed('bool', [2, 3], Uint8Array.of(0, 0, 0, 1, 0, 1))
    const [y] = await runOperator('Attention', [wave([1, 1, 2, 4], 1), wave([1, 1, 3, 4], 2), wave([1, 1, 3, 2], 3), mask])
    expect([...(y!.data as Float32Array).subarray(0, 2)]).toEqual([0, 0])
    expect((y!.data as Float32Array).subarray(2).every(value => Number.isFinite(value) && value !== 0)).toBe(true)
  })

  it('steps through a cache as it runs the whole sequence', async () => {
    const [q, k, v] = [wave([1, 2, 5, 4], 1), wave([1, 1, 5, 4], 2), wave([1, 1, 5, 3], 3)]
    const attributes = { is_causal: int(1), left_window_size: int(2) }
    const [whole] = await runOperator('Attention', [q, k, v], { attributes })
    const row = (x: GraphTensor, t: number): GraphTensor => {
      const [, heads, length, size] = x.shape as [number, number, number, number]
      return f32(
        [1, heads, 1, size],
        ...Array.from({ length: heads * size }, (_, i) => x.data[(Math.floor(i / size) * length + t) * size + (i % size)] as number),
      )
    }
    let past: GraphTensor[] = [f32([1, 1, 0, 4]), f32([1, 1, 0, 3])]
    for (let t = 0; t < 5; t++) {
      const [y, ...present] = await runOperator('Attention', [row(q, t), row(k, t), row(v, t), undefined, ...past], {
        attributes,
        outputs: 3,
      })
      past = present
      const expected = row(whole!, t).data as Float32Array
      for (const [i, value] of (y!.data as Float32Array).entries()) expect(value).toBeCloseTo(expected[i]!, 6)
    }
    expect(past[0]).toEqual(k)
  })

  it('refuses heads that do not fit', async () => {
    const [q, k] = [f32([1, 3, 2, 4]), f32([1, 2, 2, 4])]
    expect(await failureOf(() => runOperator('Attention', [q, k, k]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Attention', [f32([1, 2, 4]), f32([1, 2, 4]), f32([1, 2, 4])]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Attention', [q, q, q], { attributes: { left_window_size: int(-5) } }))).toBe('GRAPH_INVALID')
    const rotary = [f32([1, 2, 3, 4]), f32([8, 2]), f32([8, 2]), i64([1, 3], 0, 1, 8)]
    expect(await failureOf(() => runOperator('RotaryEmbedding', rotary))).toBe('SHAPE_MISMATCH')
  })
})
