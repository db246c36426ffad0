import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, ints, runOperator, typed } from '../../../../test/operator-call.ts'

describe('Range', () => {
  it('counts exactly beyond 2^53', async () => {
    const start = 2n ** 60n + 1n
    const [out] = await runOperator('Range', [i64([], start), i64([], start + 600n), i64([], 300)])
    expect(out!.data).toEqual(BigInt64Array.of(start, start + 300n))
  })

  it('refuses ranges without end', async () => {
    expect(await failureOf(() => runOperator('Range', [f32([], 0), f32([], 1), f32([], 0)]))).toBe('GRAPH_INVALID')
    expect(await failureOf(() => runOperator('Range', [f32([], 0), f32([], Number.POSITIVE_INFINITY), f32([], 1)]))).toBe('GRAPH_INVALID')
    expect(await failureOf(() => runOperator('Range', [i64([], 0), i64([], 2n ** 62n), i64([], 1)]))).toBe('OUT_OF_MEMORY')
  })
})

describe('Constant', () => {
  it('spreads sparse values', async () => {
    const value = { values: f32([2], 5, 6), indices: i64([2, 2], 0, 1, 1, 0), shape: [2, 2] }
    const [out] = await runOperator('Constant', [], { attributes: { sparse_value: { type: 'sparse-tensor', value } } })
    expect([...(out!.data as Float32Array)]).toEqual([0, 5, 6, 0])
    const outside = { ...value, indices: i64([2], 1, 4) }
    expect(
      await failureOf(() => runOperator('Constant', [], { attributes: { sparse_value: { type: 'sparse-tensor', value: outside } } })),
    ).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Constant', []))).toBe('GRAPH_INVALID')
  })
})

describe('random operators', () => {
  it('repeat themselves for a seed and stay in range', async () => {
    const attributes = {
      shape: ints(1000),
      seed: { type: 'float', value: 7 },
      low: { type: 'float', value: 2 },
      high: { type: 'float', value: 3 },
    } as const
    const [a, b] = [await runOperator('RandomUniform', [], { attributes }), await runOperator('RandomUniform', [], { attributes })]
    expect(a[0]!.data).toEqual(b[0]!.data)
    expect((a[0]!.data as Float32Array).every(x => x >= 2 && x <= 3)).toBe(true)
    expect(await failureOf(() => runOperator('RandomNormal', [], { attributes: { shape: ints(2 ** 20, 2 ** 20) } }))).toBe('OUT_OF_MEMORY')
  })

  it('draw only classes that are possible', async () => {
    const logits = f32([1, 3], Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY)
    const [out] = await runOperator('Multinomial', [logits], { attributes: { sample_size: int(20) } })
    expect((out!.data as Int32Array).every(sample => sample === 1)).toBe(true)
  })

  it('drop by the mask they return', async () => {
    const inputs = [f32([100], ...new Array<number>(100).fill(1)), f32([], 0.5), typed('bool', [], Uint8Array.of(1))]
    const [out, mask] = await runOperator('Dropout', inputs, { attributes: { seed: int(0) }, outputs: 2 })
    expect([...(out!.data as Float32Array)]).toEqual([...(mask!.data as Uint8Array)].map(kept => kept * 2))
  })
})

describe('ConstantOfShape', () => {
  it('refuses sizes that are none', async () => {
    expect(await failureOf(() => runOperator('ConstantOfShape', [i64([1], -1)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('ConstantOfShape', [i64([2], 2 ** 20, 2 ** 20)]))).toBe('OUT_OF_MEMORY')
  })
})
