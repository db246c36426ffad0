import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, ints, runOperator, text, typed } from '../../../../test/operator-call.ts'

const BIG = 2n ** 53n + 1n

describe('64-bit integers', () => {
  it('fold exactly', async () => {
    const input = i64([3], BIG, 1, 1)
    expect((await runOperator('ReduceSum', [input]))[0]!.data).toEqual(BigInt64Array.of(BIG + 2n))
    expect((await runOperator('CumSum', [input, i64([], 0)]))[0]!.data).toEqual(BigInt64Array.of(BIG, BIG + 1n, BIG + 2n))
    expect((await runOperator('ArgMax', [i64([2], BIG - 1n, BIG)]))[0]!.data).toEqual(BigInt64Array.of(1n))
    expect((await runOperator('TopK', [i64([2], BIG - 1n, BIG), i64([1], 1)], { outputs: 2 }))[0]!.data).toEqual(BigInt64Array.of(BIG))
    const [product] = await runOperator('Einsum', [i64([1], BIG), i64([1], 3)], { attributes: { equation: text('i,i->') } })
    expect(product!.data).toEqual(BigInt64Array.of(3n * BIG))
  })

  it('have ends that empty maxima and minima take', async () => {
    const empty = i64([0])
    expect((await runOperator('ReduceMax', [empty]))[0]!.data).toEqual(BigInt64Array.of(-(2n ** 63n)))
    expect((await runOperator('ReduceMin', [empty]))[0]!.data).toEqual(BigInt64Array.of(2n ** 63n - 1n))
    expect((await runOperator('ReduceMax', [typed('u8', [0], new Uint8Array())]))[0]!.data).toEqual(Uint8Array.of(0))
    expect((await runOperator('ReduceMin', [f32([0])]))[0]!.data).toEqual(Float32Array.of(Number.POSITIVE_INFINITY))
  })
})

describe('Unique', () => {
  it('groups NaN, strings and slices', async () => {
    const [values, firsts, inverse, counts] = await runOperator('Unique', [f32([4], Number.NaN, 2, Number.NaN, 1)], { outputs: 4 })
    expect([...(values!.data as Float32Array)]).toEqual([1, 2, Number.NaN])
    expect([firsts!.data, inverse!.data, counts!.data]).toEqual([
      BigInt64Array.of(3n, 1n, 0n),
      BigInt64Array.of(2n, 1n, 2n, 0n),
      BigInt64Array.of(1n, 1n, 2n),
    ])
    const [words] = await runOperator('Unique', [typed('string', [3], ['b', 'a', 'b'])], { attributes: { sorted: int(0) } })
    expect(words!.data).toEqual(['b', 'a'])
    const [columns] = await runOperator('Unique', [f32([2, 3], 2, 1, 2, 5, 5, 5)], { attributes: { axis: int(1) } })
    expect([columns!.shape, [...(columns!.data as Float32Array)]]).toEqual([
      [2, 2],
      [1, 2, 5, 5],
    ])
  })
})

describe('Softmax', () => {
  it('joins the axes from axis on before version 13', async () => {
    const input = f32([1, 2, 2], 0, 0, 0, 0)
    expect((await runOperator('Softmax', [input], { version: 11 }))[0]!.data).toEqual(Float32Array.of(0.25, 0.25, 0.25, 0.25))
    expect((await runOperator('Softmax', [input], { version: 13 }))[0]!.data).toEqual(Float32Array.of(0.5, 0.5, 0.5, 0.5))
  })
})

describe('Einsum', () => {
  it('contracts chains two at a time', async () => {
    const chain = Array.from({ length: 6 }, () => f32([2, 2], 1, 1, 0, 1))
    const [out] = await runOperator('Einsum', chain, { attributes: { equation: text('ab,bc,cd,de,ef,fg->ag') } })
    expect([...(out!.data as Float32Array)]).toEqual([1, 6, 0, 1])
  })

  it('refuses equations that are none or do not fit', async () => {
    const run = (equation: string) =>
      failureOf(() => runOperator('Einsum', [f32([2, 3]), f32([3, 2])], { attributes: { equation: text(equation) } }))
    expect(await run('ij')).toBe('GRAPH_INVALID')
    expect(await run('i1,jk->i')).toBe('GRAPH_INVALID')
    expect(await run('ij,jk->z')).toBe('GRAPH_INVALID')
    expect(await run('ij,jk->ii')).toBe('GRAPH_INVALID')
    expect(await run('ijk,jk->i')).toBe('SHAPE_MISMATCH')
    expect(await run('ij,ij->i')).toBe('SHAPE_MISMATCH')
  })
})

describe('refusals', () => {
  it('name axes that are none', async () => {
    const input = f32([2, 2], 1, 2, 3, 4)
    expect(await failureOf(() => runOperator('ReduceSum', [input, i64([1], 2)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('ReduceMax', [input], { version: 11, attributes: { axes: ints(0, 0) } }))).toBe(
      'SHAPE_MISMATCH',
    )
    expect(await failureOf(() => runOperator('TopK', [input, i64([1], 3)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('ArgMax', [f32([0])]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Det', [f32([2, 3])]))).toBe('SHAPE_MISMATCH')
  })
})
