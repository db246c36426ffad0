import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from './float16.ts'

describe('half precision', () => {
  test('every pattern survives a round trip', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = f16ToF32(bits)
      if (Number.isNaN(value)) expect(Number.isNaN(f16ToF32(f32ToF16(value)))).toBe(true)
      else if (f32ToF16(value) !== bits) expect.fail(`0x${bits.toString(16)} became 0x${f32ToF16(value).toString(16)}`)
    }
  })

  test('rounds to the nearest, ties to the even pattern', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), value => {
        const bits = f32ToF16(value)
        const error = Math.abs(f16ToF32(bits) - value)
        if (!Number.isFinite(f16ToF32(bits))) return Math.abs(value) >= 65520
        for (const other of [bits - 1, bits + 1]) {
          const neighbour = f16ToF32(other)
          if (!Number.isFinite(neighbour) || (bits & 0x7fff) === 0) continue
          const otherError = Math.abs(neighbour - value)
          if (otherError < error || (otherError === error && other % 2 === 0 && bits % 2 !== 0)) return false
        }
        return true
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    [65504, 0x7bff],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [2 ** -25, 0],
    [2 ** -25 * 1.0001, 1],
    [2 ** -14, 0x0400],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [-0, 0x8000],
  ])('%d is pattern %d', (value, bits) => {
    expect(f32ToF16(value)).toBe(bits)
  })
})

describe('bfloat16', () => {
  test('every pattern survives a round trip', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = bf16ToF32(bits)
      if (!Number.isNaN(value) && f32ToBf16(value) !== bits) expect.fail(`0x${bits.toString(16)}`)
    }
    expect(bf16ToF32(f32ToBf16(Number.NaN))).toBeNaN()
  })

  test('ties go to the even pattern', () => {
    expect(f32ToBf16(1 + 2 ** -8)).toBe(0x3f80)
    expect(f32ToBf16(1 + 3 * 2 ** -8)).toBe(0x3f82)
  })
})
