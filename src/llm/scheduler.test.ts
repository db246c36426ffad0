import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BatchLimits } from './batch.ts'
import { blocksFor } from './kv-blocks.ts'
import { Scheduler } from './scheduler.ts'
import { Sequence } from './sequence.ts'

const LIMITS: BatchLimits = { tokens: 32, sequences: 4, rows: 8, context: 96, blocks: 8 }

function sequenceOf(length: number, firstRow?: number): Sequence {
  return new Sequence(new Array<number>(length).fill(1), { onLogits: () => undefined, ...(firstRow === undefined ? {} : { firstRow }) })
}

/** What the engine does after a step. */
function commit(scheduler: Scheduler): { sequence: Sequence; count: number; rowCount: number }[] {
  const slices = scheduler.schedule()
  for (const { sequence, count } of slices) sequence.computed += count
  return slices.map(({ sequence, count, rowCount }) => ({ sequence, count, rowCount }))
}

test('a prompt is computed in chunks, and only its end asks for logits', () => {
  const scheduler = new Scheduler(LIMITS)
  const sequence = sequenceOf(70)
  scheduler.add(sequence)
  expect(
    [commit(scheduler), commit(scheduler), commit(scheduler)].map(step => step.map(({ count, rowCount }) => [count, rowCount])),
  ).toEqual([[[32, 0]], [[32, 0]], [[6, 1]]])
  expect(scheduler.schedule()).toEqual([])
})

test('one token to go comes before a prompt, and both share the step', () => {
  const scheduler = new Scheduler(LIMITS)
  const [long, short] = [sequenceOf(60), sequenceOf(3)]
  scheduler.add(long)
  commit(scheduler)
  scheduler.add(short)
  expect(commit(scheduler).map(({ count }) => count)).toEqual([28, 3])
  short.tokens.push(5)
  long.tokens.push(...[1, 1, 1])
  expect(commit(scheduler).map(({ sequence, count }) => [sequence === short, count])).toEqual([
    [true, 1],
    [false, 3],
  ])
})

test('wanted rows are kept within the step', () => {
  const scheduler = new Scheduler(LIMITS)
  scheduler.add(sequenceOf(20, 0))
  expect([commit(scheduler), commit(scheduler), commit(scheduler)].map(([slice]) => [slice!.count, slice!.rowCount])).toEqual([
    [8, 8],
    [8, 8],
    [4, 4],
  ])
})

test('when blocks run out the newest sequence starts over later', () => {
  const scheduler = new Scheduler({ ...LIMITS, blocks: 6 })
  const [older, newer] = [sequenceOf(32), sequenceOf(31)]
  scheduler.add(older)
  scheduler.add(newer)
  commit(scheduler)
  commit(scheduler)
  while (older.tokens.length < 65) {
    older.tokens.push(1)
    if (newer.pending === 0) newer.tokens.push(1)
    commit(scheduler)
  }
  expect([older.computed, scheduler.runningCount, scheduler.waitingCount]).toEqual([65, 1, 1])
  expect([newer.computed, newer.blocks.length, newer.stateSlot]).toEqual([0, 0, -1])
  scheduler.remove(older)
  expect(commit(scheduler).map(({ sequence }) => sequence === newer)).toEqual([true])
})

test('all sequences finish, blocks and state slots are never shared and all come back', () => {
  const arrivals = fc.array(
    fc.record({
      prompt: fc.integer({ min: 1, max: 60 }),
      answer: fc.integer({ min: 1, max: 36 }),
      at: fc.integer({ min: 0, max: 20 }),
      scores: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  )
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 6, max: 12 }), (requests, blocks) => {
      const scheduler = new Scheduler({ ...LIMITS, blocks })
      const open = new Map<Sequence, number>()
      let waiting = requests.map(request => ({ ...request, sequence: sequenceOf(request.prompt, request.scores ? 0 : undefined) }))
      for (let step = 0; waiting.length > 0 || open.size > 0; step++) {
        expect(step).toBeLessThan(2_000)
        for (const { sequence, prompt, answer } of waiting.filter(({ at }) => at <= step)) {
          scheduler.add(sequence)
          open.set(sequence, prompt + answer)
        }
        waiting = waiting.filter(({ at }) => at > step)
        const slices = scheduler.schedule()
        if (open.size > 0) expect(slices.length).toBeGreaterThan(0)
        expect(slices.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(LIMITS.tokens)
        expect(slices.reduce((sum, { rowCount }) => sum + rowCount, 0)).toBeLessThanOrEqual(LIMITS.rows)
        expect(slices.length).toBeLessThanOrEqual(LIMITS.sequences)
        const held = [...open.keys()].flatMap(sequence => sequence.blocks)
        expect(new Set(held).size).toBe(held.length)
        const slots = [...open.keys()].map(({ stateSlot }) => stateSlot).filter(slot => slot >= 0)
        expect(new Set(slots).size).toBe(slots.length)
        expect(slots.length).toBe(scheduler.runningCount)
        for (const { stateSlot, sequence } of slices) {
          expect(stateSlot).toBe(sequence.stateSlot)
          expect(stateSlot).toBeLessThan(LIMITS.sequences)
        }
        for (const { sequence, start, count } of slices) {
          expect(start).toBe(sequence.computed)
          expect(sequence.blocks.length).toBeGreaterThanOrEqual(blocksFor(start + count))
          sequence.computed += count
          if (sequence.pending > 0) continue
          if (sequence.tokens.length < open.get(sequence)!) sequence.tokens.push(1)
          else {
            scheduler.remove(sequence)
            open.delete(sequence)
          }
        }
      }
      expect(scheduler.freeBlocks).toBe(blocks)
    }),
  )
})
