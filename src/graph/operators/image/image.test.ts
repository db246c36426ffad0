import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, runOperator, text, typed } from '../../../../test/operator-call.ts'

describe('Resize', () => {
  const image = f32([1, 1, 2, 2], 1, 2, 3, 4)

  it('refuses sizes and scales that no image has', async () => {
    const bySizes = (...sizes: (number | bigint)[]) =>
      failureOf(() => runOperator('Resize', [image, undefined, undefined, i64([sizes.length], ...sizes)]))
    const byScales = (...scales: number[]) => failureOf(() => runOperator('Resize', [image, undefined, f32([scales.length], ...scales)]))
    expect(await bySizes(1, 1, 2n ** 40n, 2)).toBe('OUT_OF_MEMORY')
    expect(await bySizes(1, 1, -3, 2)).toBe('SHAPE_MISMATCH')
    expect(await bySizes(1, 1, 2)).toBe('SHAPE_MISMATCH')
    expect(await byScales(1, 1, 1e30, 1)).toBe('OUT_OF_MEMORY')
    expect(await byScales(1, 1, Number.NaN, 1)).toBe('SHAPE_MISMATCH')
    expect(await byScales(1, 1, -1, 1)).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Resize', [image]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Resize', [f32([1, 0]), undefined, undefined, i64([2], 1, 4)]))).toBe('SHAPE_MISMATCH')
  })

  it('moves any element type to the nearest', async () => {
    const words = typed('string', [2], ['a', 'b'])
    expect((await runOperator('Resize', [words, undefined, f32([1], 2)]))[0]!.data).toEqual(['a', 'a', 'b', 'b'])
  })

  it('keeps a constant image constant, whatever the filter', async () => {
    const flat = f32([1, 1, 5, 7], ...new Array<number>(35).fill(3))
    for (const mode of ['linear', 'cubic']) {
      const attributes = { mode: text(mode), antialias: { type: 'int', value: 1 } } as const
      const [out] = await runOperator('Resize', [flat, undefined, f32([4], 1, 1, 0.4, 0.3)], { attributes })
      expect((out!.data as Float32Array).every(x => Math.abs(x - 3) < 1e-6)).toBe(true)
    }
  })
})

describe('NonMaxSuppression', () => {
  it('finds nothing unless it is told how much to find', async () => {
    const [out] = await runOperator('NonMaxSuppression', [f32([1, 1, 4], 0, 0, 1, 1), f32([1, 1, 1], 0.9)])
    expect(out!.shape).toEqual([0, 3])
    expect(await failureOf(() => runOperator('NonMaxSuppression', [f32([1, 2, 4]), f32([1, 1, 1])]))).toBe('SHAPE_MISMATCH')
  })
})
