import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, runOperator, typed } from '../../../../test/operator-call.ts'
import { denseMatrix, multiplyAdd, transposed } from './matrix.ts'

const size = fc.integer({ min: 0, max: 11 })

describe('multiplyAdd', () => {
  it('adds every product once, whatever the sizes and strides', () => {
    fc.assert(
      fc.property(size, size, size, fc.boolean(), fc.boolean(), (m, k, n, flipA, flipB) => {
        const a = Float64Array.from({ length: m * k }, (_, i) => (i % 7) - 3)
        const b = Float64Array.from({ length: k * n }, (_, i) => (i % 5) - 2)
        const target = new Float64Array(m * n).fill(1)
        const left = flipA ? transposed(denseMatrix(a, m)) : denseMatrix(a, k)
        const right = flipB ? transposed(denseMatrix(b, k)) : denseMatrix(b, n)
        multiplyAdd(denseMatrix(target, n), left, right, m, k, n)
        for (let row = 0; row < m; row++)
          for (let column = 0; column < n; column++) {
            let sum = 1
            for (let i = 0; i < k; i++) sum += a[flipA ? i * m + row : row * k + i]! * b[flipB ? column * k + i : i * n + column]!
            expect(target[row * n + column]).toBe(sum)
          }
      }),
    )
  })
})

describe('integer products', () => {
  it('are exact and wrap', async () => {
    const big = 2n ** 40n + 1n
    expect((await runOperator('MatMul', [i64([1, 2], big, 1), i64([2, 1], big, 5)]))[0]!.data).toEqual(
      BigInt64Array.of(BigInt.asIntN(64, big * big + 5n)),
    )
    const words = (...values: number[]) => typed('u32', [1, values.length], Uint32Array.from(values))
    const [y] = await runOperator('Gemm', [words(2 ** 31, 3), words(2, 2 ** 31), words(7)], { attributes: { transB: int(1) } })
    expect(y!.data).toEqual(Uint32Array.of((7 + 2 ** 31) % 2 ** 32))
  })
})

describe('refusals', () => {
  it('name operands that do not fit', async () => {
    expect(await failureOf(() => runOperator('MatMul', [f32([2, 3]), f32([2, 3])]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('MatMul', [f32([]), f32([1])]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Gemm', [f32([2, 3]), f32([3, 2]), f32([3])]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('MatMul', [f32([2 ** 16, 0]), f32([0, 2 ** 16])]))).toBe('OUT_OF_MEMORY')
  })
})
