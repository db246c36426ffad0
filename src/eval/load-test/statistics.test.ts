import fc from 'fast-check'
import { expect, test } from 'vitest'
import { percentileOf, summaryOf } from './statistics.ts'

// Made with NumPy: mean, std and percentile with its default, linear interpolation.
const DRAWN = [
  64.614, 63.921, 93.9, 31.954, 65.491, 51.109, 26.557, 33.556, 51.554, 25.419, 50.316, 118.73, 43.532, 58.739, 45.401, 18.114, 178.182,
  80.328, 9.479, 54.342, 27.932, 21.61, 53.79, 32.843, 93.066,
]

test.each([
  [
    [3, 1, 4, 1, 5, 9, 2, 6],
    [3.875, 2.5708704751503917, 3.5, 6.8999999999999995, 7.949999999999998, 8.79],
  ],
  [[7.5], [7.5, 0, 7.5, 7.5, 7.5, 7.5]],
  [
    [10, 20],
    [15, 5, 15, 19, 19.5, 19.9],
  ],
  [DRAWN, [55.779160000000005, 35.68791591525624, 51.109, 93.5664, 113.76399999999994, 163.91351999999986]],
])('%j is summed up as NumPy does', (values, [mean, std, p50, p90, p95, p99]) => {
  const summary = summaryOf(values)
  for (const [name, wanted] of Object.entries({ mean, std, p50, median: p50, p90, p95, p99 }))
    expect(summary[name as keyof typeof summary], name).toBeCloseTo(wanted!, 9)
})

test('of nothing nothing is told', () => {
  expect(summaryOf([])).toEqual({ mean: null, median: null, std: null, p50: null, p90: null, p95: null, p99: null })
})

test('percentiles lie between the ends, grow, and reach every number at its place', () => {
  const numbers = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 2, maxLength: 50 })
  fc.assert(
    fc.property(numbers, fc.double({ min: 0, max: 100, noNaN: true }), fc.nat(), (values, percent, which) => {
      const sorted = Float64Array.from(values).sort()
      const at = percentileOf(sorted, percent)
      expect(at).toBeGreaterThanOrEqual(sorted[0]!)
      expect(at).toBeLessThanOrEqual(sorted.at(-1)!)
      expect(percentileOf(sorted, percent / 2)).toBeLessThanOrEqual(at + 1e-6)
      const index = which % sorted.length
      expect(percentileOf(sorted, (100 * index) / (sorted.length - 1))).toBeCloseTo(sorted[index]!, 3)
    }),
  )
})
