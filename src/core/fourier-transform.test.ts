import { describe, expect, it } from 'vitest'
import { planFourierTransform } from './fourier-transform.ts'

const numbers = (length: number, seed: number): Float64Array => Float64Array.from({ length }, (_, i) => Math.sin(i * i + seed))

describe('planFourierTransform', () => {
  it('is the sum of its definition at every length', () => {
    for (const length of [...Array.from({ length: 70 }, (_, i) => i + 1), 97, 128, 400, 1000]) {
      const [re, im] = [numbers(length, 1), numbers(length, 2)]
      const [x, y] = [re.slice(), im.slice()]
      planFourierTransform(length, false)(re, im)
      for (const k of [0, 1, length >> 1, length - 1]) {
        let [sumRe, sumIm] = [0, 0]
        for (let n = 0; n < length; n++) {
          const angle = (-2 * Math.PI * ((n * k) % length)) / length
          sumRe += x[n]! * Math.cos(angle) - y[n]! * Math.sin(angle)
          sumIm += x[n]! * Math.sin(angle) + y[n]! * Math.cos(angle)
        }
        expect(Math.hypot(re[k % length]! - sumRe, im[k % length]! - sumIm), `${length} points`).toBeLessThan(1e-10 * length)
      }
      planFourierTransform(length, true)(re, im)
      expect(Math.max(...re.map((value, i) => Math.abs(value / length - x[i]!)))).toBeLessThan(1e-12 * length)
    }
  })
})
