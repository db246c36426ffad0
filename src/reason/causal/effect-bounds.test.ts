import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runSteps } from '../bayes/steps.ts'
import { effectBounds } from './effect-bounds.ts'
import type { ObservedDistribution } from './evaluate-estimand.ts'
import { minimise } from './linear-program.ts'

test('linear programs with known answers', () => {
  // min −3a − 5b with a + s = 4, 2b + t = 12, 3a + 2b + u = 18: −36 at a = 2, b = 6 (Hillier & Lieberman).
  const rows = [
    [1, 0, 1, 0, 0],
    [0, 2, 0, 1, 0],
    [3, 2, 0, 0, 1],
  ]
  expect(minimise({ objective: [-3, -5, 0, 0, 0], rows, values: [4, 12, 18] })).toBeCloseTo(-36, 9)
  expect(
    minimise({
      objective: [1, 1],
      rows: [
        [1, 1],
        [1, 1],
      ],
      values: [1, 2],
    }),
  ).toBeUndefined()
  expect(minimise({ objective: [-1, 0], rows: [[1, -1]], values: [1] })).toBe(Number.NEGATIVE_INFINITY)
  expect(
    minimise({
      objective: [1, 2],
      rows: [
        [-1, -1],
        [2, 2],
      ],
      values: [-1, 2],
    }),
  ).toBeCloseTo(1, 9)
})

test('without an instrument: between all and none of the unseen', () => {
  const positive = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(positive, weights => {
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const joint = Float64Array.from(weights, weight => weight / total)
      const source: ObservedDistribution = {
        states: name => (name === 'x' ? ['0', '1'] : ['0', '1', '2']),
        *joint() {
          yield
          return joint
        },
      }
      const bounds = runSteps(effectBounds(source, { cause: 'x', effect: 'y', state: 1 }))!
      const p = joint.subarray(3).reduce((sum, value) => sum + value, 0)
      for (const [y, [least, largest]] of bounds.entries())
        expect([least, largest]).toEqual([expect.closeTo(joint[3 + y]!, 9), expect.closeTo(joint[3 + y]! + 1 - p, 9)])
    }),
    { numRuns: 100 },
  )
})
