import { expect, test } from 'vitest'
import { breathe } from './abort.ts'
import { mayHoldLoop } from './event-loop.ts'

test('work may hold the event loop for a moment, and again after each turn', async () => {
  await breathe()
  for (let round = 0; round < 3; round++) {
    expect(mayHoldLoop()).toBe(true)
    for (const start = performance.now(); performance.now() - start < 2; );
    // What only waits for promises has not turned the loop.
    await Promise.resolve()
    expect(mayHoldLoop()).toBe(false)
    await breathe()
  }
})
