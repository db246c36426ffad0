import { afterEach, beforeEach, expect, test } from 'vitest'
import { Pauses } from './pauses.ts'

let clock = 0
let pauses: Pauses
beforeEach(() => {
  clock = 5_000
  pauses = new Pauses(10_000, () => clock)
})
afterEach(() => pauses.stop())

/** Time in which the process runs. */
function run(ms: number): void {
  for (const end = clock + ms; clock < end; pauses.look()) clock += Math.min(250, end - clock)
}

/** The next look, which was due in 250 ms, comes so much later. */
function pause(ms: number): void {
  clock += 250 + ms
  pauses.look()
}

test('without pauses a time is as long as it is', () => {
  run(30_000)
  expect(pauses.spanOf(1_000)).toBe(1_000)
})

test('a pause is known at once, and prolongs the times that hold it', () => {
  run(4_000)
  clock += 60_250
  expect(pauses.spanOf(1_000)).toBe(61_000)
  run(2_000)
  expect([2_000, 2_001, 10_000].map(ms => pauses.spanOf(ms))).toEqual([2_000, 62_001, 70_000])
})

test('several pauses add up, as far back as the time reaches with them', () => {
  for (let i = 0; i < 3; i++) {
    pause(1_000)
    run(1_000)
  }
  expect([1_000, 1_500, 2_500, 3_501].map(ms => pauses.spanOf(ms))).toEqual([1_000, 2_500, 4_500, 6_501])
})

test('what is long ago is forgotten', () => {
  pause(1_000)
  run(20_000)
  pause(1_000)
  expect(pauses.spanOf(10_000)).toBe(11_000)
  expect(pauses.spanOf(1e9)).toBe(1e9 + 1_000)
})
