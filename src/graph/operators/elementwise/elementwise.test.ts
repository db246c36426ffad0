import { describe, expect, it } from 'vitest'
import { f32, failureOf, i64, int, runOperator, text, typed } from '../../../../test/operator-call.ts'

const BIG = 2n ** 53n + 1n

describe('64-bit integers', () => {
  it('are exact beyond 2^53 and wrap at 2^64', async () => {
    const [a, b] = [i64([2], BIG, 2n ** 62n), i64([2], 1, 2n ** 62n)]
    expect((await runOperator('Add', [a, b]))[0]!.data).toEqual(BigInt64Array.of(BIG + 1n, -(2n ** 63n)))
    expect((await runOperator('Mul', [i64([1], BIG), i64([1], 3)]))[0]!.data).toEqual(BigInt64Array.of(3n * BIG))
    expect((await runOperator('Max', [i64([1], BIG), i64([1], BIG - 1n)]))[0]!.data).toEqual(BigInt64Array.of(BIG))
    expect((await runOperator('Equal', [i64([1], BIG), i64([1], BIG - 1n)]))[0]!.data).toEqual(Uint8Array.of(0))
    expect((await runOperator('Pow', [i64([1], 3), i64([1], 39)]))[0]!.data).toEqual(BigInt64Array.of(3n ** 39n))
    expect((await runOperator('Neg', [i64([1], BIG)]))[0]!.data).toEqual(BigInt64Array.of(-BIG))
  })

  it('divide towards zero, and by zero to zero', async () => {
    expect((await runOperator('Div', [i64([3], -7, 7, 1), i64([3], 2, -2, 0)]))[0]!.data).toEqual(BigInt64Array.of(-3n, -3n, 0n))
    expect((await runOperator('Mod', [i64([3], -7, 7, 1), i64([3], 2, -2, 0)]))[0]!.data).toEqual(BigInt64Array.of(1n, -1n, 0n))
  })

  it('shift with their sign', async () => {
    const [out] = await runOperator('BitShift', [i64([2], -8, BIG), i64([2], 1, 64)], {
      version: 28,
      attributes: { direction: text('RIGHT') },
    })
    expect(out!.data).toEqual(BigInt64Array.of(-4n, 0n))
  })
})

describe('32-bit integers', () => {
  it('wrap as machine words do', async () => {
    const word = (...values: number[]) => typed('i32', [values.length], Int32Array.from(values))
    expect((await runOperator('Mul', [word(65537, -3), word(65537, 2 ** 30)]))[0]!.data).toEqual(Int32Array.of(131073, 1073741824))
    expect((await runOperator('Pow', [word(3), word(21)]))[0]!.data).toEqual(Int32Array.of(Number(BigInt.asIntN(32, 3n ** 21n))))
  })
})

describe('floats', () => {
  it('take the sign of the divisor in a modulo', async () => {
    const [out] = await runOperator('Mod', [f32([4], -7, 7, -0, 5), f32([4], 3, -3, 3, Number.NEGATIVE_INFINITY)], { version: 28 })
    expect([...(out!.data as Float32Array)]).toEqual([2, -2, 0, Number.NEGATIVE_INFINITY])
  })

  it('pass NaN through maxima and activations', async () => {
    const nan = f32([1], Number.NaN)
    for (const name of ['Relu', 'Sigmoid', 'Gelu', 'HardSwish', 'Softplus', 'Erf', 'Sign'])
      expect((await runOperator(name, [nan]))[0]!.data[0], name).toBeNaN()
    expect((await runOperator('Max', [nan, f32([1], 1)]))[0]!.data[0]).toBeNaN()
  })

  it('clamp to the maximum where the minimum is above it', async () => {
    expect((await runOperator('Clip', [f32([2], -1, 9), f32([], 5), f32([], 2)]))[0]!.data).toEqual(Float32Array.of(2, 2))
  })
})

describe('refusals', () => {
  it('say what is wrong', async () => {
    expect(await failureOf(() => runOperator('Add', [f32([2], 1, 2), f32([3], 1, 2, 3)]))).toBe('SHAPE_MISMATCH')
    expect(await failureOf(() => runOperator('Add', [f32([1], 1), i64([1], 1)]))).toBe('OPERATOR_UNSUPPORTED')
    expect(await failureOf(() => runOperator('Add', [f32([1], 1)]))).toBe('GRAPH_INVALID')
    expect(await failureOf(() => runOperator('Abs', [typed('string', [1], ['x'])]))).toBe('OPERATOR_UNSUPPORTED')
    expect(await failureOf(() => runOperator('BitCast', [f32([1], 1)], { attributes: { to: int(7) } }))).toBe('OPERATOR_UNSUPPORTED')
    expect(await failureOf(() => runOperator('Max', []))).toBe('GRAPH_INVALID')
  })
})
