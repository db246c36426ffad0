import { expect, test } from 'vitest'
import { leastMs } from './machine-speed.ts'

test('the least time is that of the bytes or of the arithmetic, each at its own speed', () => {
  const speed = { target: 'amx', threads: 2, bandwidth: 1e6, peak: 2e6, bytePeak: 8e6 }
  expect(leastMs({ bytes: 1_000 }, speed)).toBe(1)
  expect(leastMs({ bytes: 1_000, operations: 16_000 }, speed)).toBe(8)
  expect(leastMs({ bytes: 1_000, operations: 16_000, isOfBytes: true }, speed)).toBe(2)
  expect(leastMs({ bytes: 3_000, operations: 16_000, isOfBytes: true }, speed)).toBe(3)
})
