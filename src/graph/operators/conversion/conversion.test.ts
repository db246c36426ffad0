import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, runOperator, typed } from '../../../../test/operator-call.ts'
import { floatText } from './float-text.ts'

describe('Cast', () => {
  it('keeps the low bits of integers too wide', async () => {
    const [out] = await runOperator('Cast', [i64([3], 2n ** 60n + 200n, -1, 300)], { attributes: { to: int(3) } })
    expect(out!.data).toEqual(Int8Array.of(-56, -1, 44))
    const [unsigned] = await runOperator('Cast', [i64([1], -1)], { attributes: { to: int(13) } })
    expect(unsigned!.data).toEqual(BigUint64Array.of(2n ** 64n - 1n))
  })

  it('reads exact 64-bit integers and special floats from text', async () => {
    const [exact] = await runOperator('Cast', [typed('string', [1], ['9007199254740993'])], { attributes: { to: int(7) } })
    expect(exact!.data).toEqual(BigInt64Array.of(9007199254740993n))
    const [special] = await runOperator('Cast', [typed('string', [3], ['-inf', 'NaN', ' 1e-3 '])], { attributes: { to: int(11) } })
    expect([...(special!.data as Float64Array)]).toEqual([Number.NEGATIVE_INFINITY, Number.NaN, 0.001])
    expect(await failureOf(() => runOperator('Cast', [typed('string', [1], ['one'])], { attributes: { to: int(1) } }))).toBe(
      'GRAPH_INVALID',
    )
    expect(await failureOf(() => runOperator('Cast', [f32([1], 1)], { attributes: { to: int(99) } }))).toBe('OPERATOR_UNSUPPORTED')
  })

  it('writes the fewest digits that read back', () => {
    expect([0.1, 1e-5, 1e16, 123456, -0, 1 / 3].map(value => floatText(Math.fround(value), Math.fround))).toEqual([
      '0.1',
      '1e-05',
      '1e+16',
      '123456.0',
      '-0.0',
      '0.33333334',
    ])
    expect([Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 60].map(value => floatText(value, x => x))).toEqual([
      'nan',
      '-inf',
      '1.152921504606847e+18',
    ])
  })
})

describe('QuantizeLinear', () => {
  it('takes one scale per block of an axis, the last one shorter', async () => {
    const [out] = await runOperator('QuantizeLinear', [f32([1, 3], 4, 8, 9), f32([1, 2], 2, 3)], {
      attributes: { axis: int(1), block_size: int(2) },
    })
    expect(out!.data).toEqual(Uint8Array.of(2, 4, 3))
  })

  it('saturates and rounds ties to even', async () => {
    const zero = typed('i4', [], Int8Array.of(0))
    const [out] = await runOperator('QuantizeLinear', [f32([5], 2.5, 3.5, 100, -100, Number.NaN), f32([], 1), zero])
    expect([...(out!.data as Int8Array)].slice(0, 4)).toEqual([2, 4, 7, -8])
  })

  it('refuses scales that do not fit', async () => {
    const run = (scale: ReturnType<typeof f32>) => runOperator('QuantizeLinear', [f32([2, 3], 1, 2, 3, 4, 5, 6), scale])
    expect(await failureOf(() => run(f32([2], 1, 1)))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => run(f32([1, 3], 1, 1, 1)))).toBe('SHAPE_MISMATCH')
  })
})
