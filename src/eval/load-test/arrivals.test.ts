import { describe, expect, test } from 'vitest'
import { Rng } from '../../core/index.ts'
import { arrivalTimes, gamma } from './arrivals.ts'

/** Γ(k + 1) for the shapes looked at. */
const GAMMA: Readonly<Record<number, number>> = { 0.25: 0.9064024770554771, 0.5: 0.886226925452758, 1: 1, 2: 2, 8: 40_320 }

/** Share of the gamma distribution below x, by the series of the incomplete gamma function. */
function shareBelow(shape: number, x: number): number {
  let term = 1
  let sum = 1
  for (let n = 1; term > sum * 1e-15; n++) {
    term *= x / (shape + n)
    sum += term
  }
  return (x ** shape * Math.exp(-x) * sum) / GAMMA[shape]!
}

/** Largest distance between the numbers drawn and a distribution, times √n (Kolmogorov and Smirnov); 1.63 is met by 99 % of honest draws. */
function distance(values: readonly number[], share: (x: number) => number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const far = sorted.map((x, i) => Math.max(Math.abs(share(x) - i / sorted.length), Math.abs(share(x) - (i + 1) / sorted.length)))
  return far.reduce((most, one) => Math.max(most, one), 0) * Math.sqrt(sorted.length)
}

function gapsOf(times: readonly number[]): number[] {
  return times.map((time, i) => time - (times[i - 1] ?? 0))
}

describe.each(Object.keys(GAMMA).map(Number))('gaps of shape %d', shape => {
  test.each([1, 2, 3])('follow the gamma distribution, seed %d', seed => {
    const rng = new Rng(seed)
    const drawn = Array.from({ length: 5_000 }, () => gamma(shape, rng))
    expect(distance(drawn, x => shareBelow(shape, x))).toBeLessThan(1.63)
    // The measure would see another shape.
    expect(distance(drawn, x => shareBelow(shape === 1 ? 2 : 1, x))).toBeGreaterThan(3)
  })

  test('have the mean of the rate, and spread as 1/√shape', () => {
    const gaps = gapsOf(arrivalTimes(20_000, { rate: 5, burstiness: shape }, new Rng(9)))
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    expect(mean).toBeCloseTo(200, 6)
    const std = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
    expect((std / mean) * Math.sqrt(shape)).toBeGreaterThan(0.95)
    expect((std / mean) * Math.sqrt(shape)).toBeLessThan(1.05)
  })
})

test('a Poisson process: how many arrive in a second is spread as its mean', () => {
  const times = arrivalTimes(40_000, { rate: 4, burstiness: 1 }, new Rng(5))
  const counts = new Array<number>(10_000).fill(0)
  for (const time of times) counts[Math.min(9_999, Math.floor(time / 1_000))]!++
  const variance = counts.reduce((sum, count) => sum + (count - 4) ** 2, 0) / counts.length
  expect(variance).toBeGreaterThan(3.8)
  expect(variance).toBeLessThan(4.2)
})

test('arrivals grow, end after exactly count / rate, and repeat with their seed', () => {
  const of = (seed: number): number[] => arrivalTimes(50, { rate: 0.5, burstiness: 0.3 }, new Rng(seed))
  const times = of(7)
  expect(times.at(-1)).toBeCloseTo(100_000, 6)
  expect(gapsOf(times).every(gap => gap >= 0)).toBe(true)
  expect(of(7)).toEqual(times)
  expect(of(8)).not.toEqual(times)
})

test('at an infinite rate all come at once; with infinite steadiness all gaps are the same', () => {
  expect(arrivalTimes(3, { rate: Number.POSITIVE_INFINITY, burstiness: 1 }, new Rng(1))).toEqual([0, 0, 0])
  expect(arrivalTimes(4, { rate: 2, burstiness: Number.POSITIVE_INFINITY }, new Rng(1))).toEqual([500, 1_000, 1_500, 2_000])
})
