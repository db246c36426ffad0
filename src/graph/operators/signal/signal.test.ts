import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, runOperator } from '../../../../test/operator-call.ts'

const numbers = (length: number, seed: number): Float64Array => Float64Array.from({ length }, (_, i) => Math.sin(i * i + seed))

describe('DFT', () => {
  it('of one side is undone by its inverse', async () => {
    for (const length of [7, 8, 40]) {
      const x = f32([2, length, 1], ...numbers(2 * length, 3))
      const [half] = await runOperator('DFT', [x], { attributes: { onesided: int(1) } })
      expect(half!.shape).toEqual([2, (length >> 1) + 1, 2])
      const [back] = await runOperator('DFT', [half, i64([], length)], { attributes: { onesided: int(1), inverse: int(1) } })
      expect(Math.max(...(back!.data as Float32Array).map((value, i) => Math.abs(value - (x.data[i] as number))))).toBeLessThan(1e-6)
    }
  })

  it('refuses lengths and axes that are none', async () => {
    const x = f32([1, 4, 1])
    expect(await failureOf(() => runOperator('DFT', [x, i64([], 2 ** 40)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('DFT', [x, i64([], -1)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('DFT', [x, undefined, i64([], -1)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('STFT', [x, i64([], 0)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('STFT', [x, i64([], 1), undefined, i64([], 9)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('HannWindow', [i64([], 2n ** 40n)]))).toBe('OUT_OF_MEMORY')
    expect(await failureOf(() => runOperator('HannWindow', [i64([], -1)]))).toBe('SHAPE_MISMATCH')
  })
})
