import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, ints, runOperator, text, typed } from '../../../../test/operator-call.ts'

describe('MaxPool', () => {
  it('passes NaN on and never takes padding', async () => {
    const attributes = { kernel_shape: ints(2), pads: ints(1, 1) }
    const [y, at] = await runOperator('MaxPool', [f32([1, 1, 4], -3, Number.NaN, -5, -4)], { attributes, outputs: 2 })
    expect([...(y!.data as Float32Array)]).toEqual([-3, Number.NaN, Number.NaN, -4, -4])
    expect(at!.data).toEqual(BigInt64Array.of(0n, 1n, 1n, 3n, 3n))
  })

  it('takes its time from the input, not from the kernel', async () => {
    const far = 2 ** 40
    const attributes = { kernel_shape: ints(far), pads: ints(far - 2, far - 2), strides: ints(far) }
    expect((await runOperator('MaxPool', [f32([1, 1, 3], 1, 9, 4)], { attributes }))[0]!.data).toEqual(Float32Array.of(9))
  })

  it('undone by MaxUnpool puts maxima back', async () => {
    const x = f32([1, 1, 4, 4], ...Array.from({ length: 16 }, (_, i) => (i * 7) % 16))
    const attributes = { kernel_shape: ints(2, 2), strides: ints(2, 2) }
    const [y, at] = await runOperator('MaxPool', [x], { attributes, outputs: 2 })
    const [back] = await runOperator('MaxUnpool', [y!, at!], { attributes })
    expect((await runOperator('MaxPool', [back!], { attributes }))[0]!.data).toEqual(y!.data)
    expect((back!.data as Float32Array).filter(value => value !== 0).length).toBe(4)
  })
})

describe('AveragePool', () => {
  it('counts padding only where it is declared', async () => {
    const attributes = { kernel_shape: ints(3), strides: ints(2), ceil_mode: int(1), pads: ints(1, 0), count_include_pad: int(1) }
    expect((await runOperator('AveragePool', [f32([1, 1, 5], 1, 2, 3, 4, 5)], { attributes }))[0]!.data).toEqual(Float32Array.of(1, 3, 4.5))
  })
})

describe('refusals', () => {
  it('name indices and sizes', async () => {
    const attributes = { kernel_shape: ints(2), strides: ints(2) }
    expect(await failureOf(() => runOperator('MaxUnpool', [f32([1, 1, 1], 1), i64([1, 1, 1], 9)], { attributes }))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('MaxUnpool', [f32([1, 1, 1], 1), i64([1, 1, 1], -1)], { attributes }))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('MaxPool', [f32([1, 1, 4])], { attributes: { kernel_shape: ints(5) } }))).toBe(
      'SHAPE_MISMATCH',
    )
    const wide = { kernel_shape: ints(1), pads: ints(2 ** 33, 0) }
    expect(await failureOf(() => runOperator('MaxPool', [f32([1, 1, 4])], { attributes: wide }))).toBe('OUT_OF_MEMORY')
    const rois = [f32([1, 1, 2, 2]), f32([1, 4], 0, 0, 1e30, 1e30), i64([1], 0)]
    expect(await failureOf(() => runOperator('RoiAlign', rois))).toBe('OUT_OF_MEMORY')
    expect(await failureOf(() => runOperator('RoiAlign', [rois[0], f32([1, 4]), i64([1], 1)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('AffineGrid', [f32([1, 2, 3]), i64([4], 1, 1, 2 ** 20, 2 ** 20)]))).toBe('OUT_OF_MEMORY')
    expect(
      await failureOf(() => runOperator('GridSample', [f32([1, 1, 2, 2]), f32([1, 1, 1, 2])], { attributes: { mode: text('odd') } })),
    ).toBe('GRAPH_INVALID')
  })

  it('leave points that are not numbers outside', async () => {
    for (const padding of ['zeros', 'border', 'reflection']) {
      const grid = f32([1, 1, 3, 2], Number.NaN, 0, 1e30, 0, Number.NEGATIVE_INFINITY, 0)
      const [y] = await runOperator('GridSample', [f32([1, 1, 2, 2], 1, 2, 3, 4), grid], { attributes: { padding_mode: text(padding) } })
      expect(
        (y!.data as Float32Array).every(value => value >= 0 && value <= 4),
        padding,
      ).toBe(true)
    }
    const rois = [f32([1, 1, 2, 2], 1, 2, 3, 4), typed('f32', [1, 4], Float32Array.of(0, 0, 2, 2)), i64([1], 0)]
    expect((await runOperator('RoiAlign', rois))[0]!.data.length).toBe(1)
  })
})
