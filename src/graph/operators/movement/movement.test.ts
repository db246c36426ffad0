import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, ints, runOperator, text, typed } from '../../../../test/operator-call.ts'

const INT64_MAX = 2n ** 63n - 1n
const row = f32([1, 4], 1, 2, 3, 4)

describe('indices', () => {
  it('outside an axis are refused with the index and the size', async () => {
    await expect(runOperator('Gather', [row, i64([1], 4)], { attributes: { axis: int(1) } })).rejects.toThrow(
      'index 4 is outside an axis of size 4',
    )
    expect(await failureOf(() => runOperator('Gather', [row, i64([1], INT64_MAX)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('GatherElements', [row, i64([1, 1], -2)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('GatherND', [row, i64([1, 2], 0, 9)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('GatherND', [row, i64([1, 3], 0, 0, 0)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('ScatterElements', [row, i64([1, 1], 1), f32([1, 1], 5)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('ScatterND', [row, i64([1, 2], 0, -5), f32([1], 5)]))).toBe('SHAPE_MISMATCH')
    const condition = typed('bool', [2], Uint8Array.of(0, 1))
    expect(await failureOf(() => runOperator('Compress', [row, condition], { attributes: { axis: int(0) } }))).toBe('SHAPE_MISMATCH')
  })

  it('of a slice may be as large as they like', async () => {
    const [out] = await runOperator('Slice', [row, i64([1], -INT64_MAX), i64([1], INT64_MAX), i64([1], 1), i64([1], 2)])
    expect([...(out!.data as Float32Array)]).toEqual([1, 3])
    const [back] = await runOperator('Slice', [row, i64([1], INT64_MAX), i64([1], -INT64_MAX), i64([1], -1), i64([1], -INT64_MAX)])
    expect([...(back!.data as Float32Array)]).toEqual([4])
    expect(await failureOf(() => runOperator('Slice', [row, i64([1], 0), i64([1], 1), i64([1], 0), i64([1], 0)]))).toBe('SHAPE_MISMATCH')
  })
})

describe('sizes', () => {
  it('beyond any memory are refused before allocating', async () => {
    const huge = 2n ** 40n
    expect(await failureOf(() => runOperator('Expand', [f32([1], 1), i64([1], huge)]))).toBe('OUT_OF_MEMORY')
    expect(await failureOf(() => runOperator('Tile', [row, i64([2], huge, huge)]))).toBe('OUT_OF_MEMORY')
    expect(await failureOf(() => runOperator('Pad', [row, i64([4], 0, huge, 0, 0)]))).toBe('OUT_OF_MEMORY')
    expect(await failureOf(() => runOperator('Pad', [row, i64([4], 0, huge, 0, 0)], { attributes: { mode: text('edge') } }))).toBe(
      'OUT_OF_MEMORY',
    )
    expect(await failureOf(() => runOperator('CenterCropPad', [row, i64([2], huge, 1)]))).toBe('OUT_OF_MEMORY')
    expect(await failureOf(() => runOperator('OneHot', [i64([1], 0), i64([], huge), f32([2], 0, 1)]))).toBe('OUT_OF_MEMORY')
    expect(await failureOf(() => runOperator('Expand', [typed('string', [1], ['x']), i64([1], 2 ** 30)]))).toBe('OUT_OF_MEMORY')
  })

  it('below zero are refused', async () => {
    expect(await failureOf(() => runOperator('Expand', [f32([1], 1), i64([1], -2)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Tile', [row, i64([2], -1, -1)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Pad', [row, i64([4], 0, -3, 0, -3)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Reshape', [row, i64([2], -1, -1)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Reshape', [row, i64([2], -2, -2)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Split', [row, i64([2], 5, -1)], { attributes: { axis: int(1) }, outputs: 2 }))).toBe(
      'SHAPE_MISMATCH',
    )
    expect(await failureOf(() => runOperator('ReverseSequence', [f32([2, 1], 1, 2), i64([1], 3)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('DepthToSpace', [f32([1, 4, 1, 1])], { attributes: { blocksize: int(-2) } }))).toBe(
      'SHAPE_MISMATCH',
    )
  })
})

describe('strings', () => {
  it('move like everything else', async () => {
    const words = typed('string', [2, 2], ['a', 'b', 'c', 'd'])
    expect((await runOperator('Transpose', [words]))[0]!.data).toEqual(['a', 'c', 'b', 'd'])
    expect((await runOperator('Pad', [words, i64([2], 1, 0), undefined, i64([1], 1)]))[0]!.data).toEqual(['', 'a', 'b', '', 'c', 'd'])
    expect((await runOperator('Concat', [words, words], { attributes: { axis: int(1) } }))[0]!.data).toEqual([
      'a',
      'b',
      'a',
      'b',
      'c',
      'd',
      'c',
      'd',
    ])
  })
})

describe('Pad', () => {
  it('reflects and wraps as often as needed', async () => {
    const short = f32([3], 1, 2, 3)
    const padded = async (mode: string) => [
      ...((await runOperator('Pad', [short, i64([2], 4, 5)], { attributes: { mode: text(mode) } }))[0]!.data as Float32Array),
    ]
    expect(await padded('reflect')).toEqual([1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2])
    expect(await padded('wrap')).toEqual([3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2])
  })
})

describe('versions', () => {
  it('take axes as attribute or as input', async () => {
    const old = await runOperator('Unsqueeze', [row], { version: 11, attributes: { axes: ints(0, -1) } })
    const now = await runOperator('Unsqueeze', [row, i64([2], 0, -1)], { version: 13 })
    expect([old[0]!.shape, now[0]!.shape]).toEqual([
      [1, 1, 4, 1],
      [1, 1, 4, 1],
    ])
    expect((await runOperator('Squeeze', [row], { version: 7, attributes: { axes: ints(0) } }))[0]!.shape).toEqual([4])
    expect((await runOperator('Split', [row], { version: 11, attributes: { axis: int(1) }, outputs: 2 }))[1]!.data).toEqual(
      Float32Array.of(3, 4),
    )
  })
})
