import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SimulatedMemory } from '../../test/simulated-memory.ts'
import type { BatchLimits } from './batch.ts'
import { blocksFor } from './kv-blocks.ts'
import { Scheduler, type SchedulerOptions } from './scheduler.ts'
import { Sequence, type SequenceOptions } from './sequence.ts'

const LIMITS: BatchLimits = { tokens: 32, sequences: 4, rows: 8, context: 96, blocks: 8 }
/** No two of these begin alike. */
let unlike = 0

interface Wanted extends SequenceOptions {
  readonly firstRow?: number
  /** The tokens of the prompt are these, one after the other and again. */
  readonly of?: readonly number[]
}

function sequenceOf(length: number, { firstRow, of = [unlike++], ...options }: Wanted = {}): Sequence {
  const tokens = Array.from({ length }, (_, i) => of[i % of.length]!)
  return new Sequence(tokens, { onLogits: () => undefined, ...(firstRow === undefined ? {} : { firstRow }) }, options)
}

/** What the engine does after a step. */
function commit(scheduler: Scheduler): { sequence: Sequence; start: number; count: number; rowCount: number }[] {
  const slices = scheduler.schedule()
  for (const { sequence, start, count, rowCount } of slices) {
    scheduler.computed(sequence, start + count)
    if (rowCount > 0) sequence.answered = start + count
  }
  return slices.map(({ sequence, start, count, rowCount }) => ({ sequence, start, count, rowCount }))
}

function schedulerWith(sequences: readonly Sequence[], limits: Partial<BatchLimits> = {}, options: SchedulerOptions = {}): Scheduler {
  const scheduler = new Scheduler({ ...LIMITS, ...limits }, options)
  for (const sequence of sequences) scheduler.add(sequence)
  return scheduler
}

describe('a step', () => {
  test('computes a prompt in chunks, and only its end asks for logits', () => {
    const scheduler = schedulerWith([sequenceOf(70)])
    expect(
      [commit(scheduler), commit(scheduler), commit(scheduler)].map(step => step.map(({ count, rowCount }) => [count, rowCount])),
    ).toEqual([[[32, 0]], [[32, 0]], [[6, 1]]])
    expect(scheduler.schedule()).toEqual([])
  })

  test('takes one token to go before a prompt, and both share it', () => {
    const [long, short] = [sequenceOf(60), sequenceOf(3)]
    const scheduler = schedulerWith([long])
    commit(scheduler)
    scheduler.add(short)
    expect(commit(scheduler).map(({ count }) => count)).toEqual([28, 3])
    scheduler.push(short, 5)
    for (let i = 0; i < 3; i++) long.tokens.push(1)
    expect(commit(scheduler).map(({ sequence, count }) => [sequence === short, count])).toEqual([
      [true, 1],
      [false, 3],
    ])
  })

  test('keeps wanted rows within its limit', () => {
    const scheduler = schedulerWith([sequenceOf(20, { firstRow: 0 })])
    expect([commit(scheduler), commit(scheduler), commit(scheduler)].map(([slice]) => [slice!.count, slice!.rowCount])).toEqual([
      [8, 8],
      [8, 8],
      [4, 4],
    ])
  })

  test('gives prompts what the time allows while answers are being written, and everything otherwise', () => {
    const [answer, prompt] = [sequenceOf(3), sequenceOf(90)]
    const scheduler = schedulerWith([answer], { tokens: 64 }, { stallMs: 50 })
    scheduler.measured(scheduler.schedule(), 3)
    commit(scheduler)
    scheduler.push(answer, 1)
    scheduler.add(prompt)
    // A millisecond a token as measured: 40 tokens beside a step that takes 10 without them.
    scheduler.measured([{ ...scheduler.schedule()[0]!, count: 1 }], 10)
    for (let i = 0; i < 40; i++) scheduler.measured([{ ...scheduler.schedule()[0]!, count: 64 }], 74)
    const counts = commit(scheduler).map(({ count }) => count)
    expect(counts[0]).toBe(1)
    expect(counts[1]).toBeGreaterThanOrEqual(39)
    expect(counts[1]).toBeLessThanOrEqual(41)
    // Nobody waits any more.
    scheduler.remove(answer)
    expect(commit(scheduler).map(({ count }) => count)).toEqual([90 - counts[1]!])
  })
})

describe('order', () => {
  const firstStep = (...sequences: readonly Sequence[]): number[] =>
    commit(schedulerWith(sequences, { sequences: 2, blocks: 12 })).map(({ sequence }) => sequences.indexOf(sequence))

  test('first come, first served', () => {
    expect(firstStep(sequenceOf(4), sequenceOf(3), sequenceOf(2))).toEqual([0, 1])
  })

  test('a higher priority goes first, whenever it came', () => {
    expect(firstStep(sequenceOf(4), sequenceOf(3, { priority: -1 }), sequenceOf(2, { priority: 2 }))).toEqual([2, 0])
  })

  test('salts take turns', () => {
    const [first, second, other] = [sequenceOf(4, { cacheSalt: 'a' }), sequenceOf(3, { cacheSalt: 'a' }), sequenceOf(2)]
    expect(firstStep(first, second, other)).toEqual([0, 2])
  })

  test('one that does not fit is not overtaken by those behind it', () => {
    const [running, large, small] = [sequenceOf(80), sequenceOf(90), sequenceOf(2)]
    const scheduler = schedulerWith([running, large, small])
    expect(commit(scheduler).map(({ sequence }) => sequence)).toEqual([running])
    scheduler.remove(running)
    expect(commit(scheduler).map(({ sequence }) => sequence)).toEqual([large])
  })

  test('a higher priority takes the place of the newest of the lowest', () => {
    const [first, second] = [sequenceOf(33), sequenceOf(20)]
    const scheduler = schedulerWith([first, second], { sequences: 2 })
    commit(scheduler)
    commit(scheduler)
    const urgent = sequenceOf(10, { priority: 1 })
    scheduler.add(urgent)
    expect(commit(scheduler).map(({ sequence }) => sequence)).toEqual([urgent])
    expect([first.computed, second.computed, second.blocks.length, second.stateSlot]).toEqual([33, 0, 0, -1])
    expect(scheduler.load).toMatchObject({ running: 2, waiting: 1, preemptions: 1 })
    // What it had computed is found again: a block of its 20 tokens.
    scheduler.remove(urgent)
    expect(commit(scheduler)).toMatchObject([{ sequence: second, start: 16, count: 4 }])
  })

  test('nobody is set back for one that would not fit all the same', () => {
    const [high, low] = [sequenceOf(70, { priority: 2 }), sequenceOf(20)]
    const scheduler = schedulerWith([high, low])
    commit(scheduler)
    scheduler.add(sequenceOf(90, { priority: 1 }))
    commit(scheduler)
    expect(scheduler.load).toMatchObject({ running: 2, waiting: 1, preemptions: 0 })
  })

  test('when blocks run out the newest sequence starts over later', () => {
    const [older, newer] = [sequenceOf(32), sequenceOf(31)]
    const scheduler = schedulerWith([older, newer], { blocks: 6 })
    commit(scheduler)
    commit(scheduler)
    while (older.tokens.length < 65) {
      scheduler.push(older, 1)
      if (newer.pending === 0) scheduler.push(newer, 1)
      commit(scheduler)
    }
    expect([older.computed, scheduler.load.running, scheduler.load.waiting]).toEqual([65, 1, 1])
    expect([newer.computed, newer.blocks.length, newer.stateSlot]).toEqual([0, 0, -1])
    scheduler.remove(older)
    expect(commit(scheduler).map(({ sequence }) => sequence === newer)).toEqual([true])
  })
})

describe('while a step is at work', () => {
  /** What the engine does when it is over. */
  const over = (scheduler: Scheduler, slices: ReturnType<Scheduler['schedule']>, token?: number): void => {
    scheduler.end()
    for (const { sequence, start, count } of slices) {
      scheduler.computed(sequence, start + count)
      if (token !== undefined && sequence.pending === 0) scheduler.push(sequence, token)
    }
  }

  test('the next one is chosen as if those that catch up got a token', () => {
    const [answer, prompt] = [sequenceOf(16), sequenceOf(40)]
    const scheduler = schedulerWith([answer, prompt])
    const first = scheduler.schedule()
    expect(first.map(({ count }) => count)).toEqual([16, 16])
    scheduler.begin(first)
    // There is a place for the token to come.
    expect([answer.blocks.length, answer.tokens.length]).toEqual([2, 16])
    over(scheduler, first, 7)
    expect(scheduler.schedule()).toMatchObject([
      { sequence: answer, start: 16, count: 1, rowCount: 1, tokens: [...answer.tokens] },
      { sequence: prompt, start: 16, count: 16 },
    ])
  })

  test('who ends with it is not in the next', () => {
    const [ending, other] = [sequenceOf(4), sequenceOf(5)]
    const scheduler = schedulerWith([ending, other])
    const first = scheduler.schedule()
    scheduler.begin(first)
    over(scheduler, first)
    scheduler.push(other, 1)
    scheduler.remove(ending)
    expect(scheduler.schedule()).toMatchObject([{ sequence: other, count: 1 }])
    expect(scheduler.schedule()).toHaveLength(1)
  })

  test('who is removed keeps blocks and slot until it is over', () => {
    const [first, second] = [sequenceOf(20), sequenceOf(20)]
    const scheduler = schedulerWith([first], { sequences: 1 })
    const slices = scheduler.schedule()
    scheduler.begin(slices)
    scheduler.remove(first)
    scheduler.add(second)
    expect(scheduler.load).toMatchObject({ running: 0, waiting: 1, heldBlocks: 2 })
    scheduler.end()
    expect(scheduler.load).toMatchObject({ running: 0, waiting: 1, heldBlocks: 0 })
    expect(scheduler.schedule()).toMatchObject([{ sequence: second, count: 20 }])
  })

  test('who comes is in the next, which is chosen anew', () => {
    const [first, second] = [sequenceOf(20), sequenceOf(10, { priority: 1 })]
    const scheduler = schedulerWith([first])
    const slices = scheduler.schedule()
    scheduler.begin(slices)
    scheduler.add(second)
    over(scheduler, slices, 3)
    expect(scheduler.schedule()).toMatchObject([
      { sequence: first, count: 1 },
      { sequence: second, count: 10 },
    ])
  })

  test('who waits for what it computes is in the next', () => {
    const of = [4, 5, 6]
    const [first, second] = [sequenceOf(32, { of }), sequenceOf(40, { of })]
    const scheduler = schedulerWith([first, second])
    const slices = scheduler.schedule()
    expect(slices).toMatchObject([{ sequence: first }])
    scheduler.begin(slices)
    over(scheduler, slices, 3)
    expect(scheduler.schedule()).toMatchObject([{ sequence: first }, { sequence: second, start: 32, count: 8 }])
  })

  test('nobody gives blocks back', () => {
    const [older, newer] = [sequenceOf(32), sequenceOf(31)]
    const scheduler = schedulerWith([older, newer], { blocks: 5, tokens: 96 })
    for (const counts of [
      [32, 31],
      [1, 1],
    ]) {
      const slices = scheduler.schedule()
      expect(slices.map(({ count }) => count)).toEqual(counts)
      scheduler.begin(slices)
      expect(scheduler.load).toMatchObject({ preemptions: 0, heldBlocks: 5 })
      over(scheduler, slices, 3)
    }
    // There is no place for the next token of both.
    expect(scheduler.schedule()).toMatchObject([{ sequence: older, start: 33, count: 1 }])
    expect(scheduler.load.preemptions).toBe(1)
  })

  test('what cannot be chosen is told when the next is scheduled', () => {
    const sequence = sequenceOf(4)
    const scheduler = schedulerWith([sequence])
    const slices = scheduler.schedule()
    Object.defineProperty(sequence.handler, 'firstRow', {
      get() {
        throw new RangeError('firstRow')
      },
    })
    scheduler.begin(slices)
    over(scheduler, slices, 1)
    expect(() => scheduler.schedule()).toThrow('firstRow')
  })
})

test('blocks that no query to come sees are given back where all layers have windows', () => {
  const sequence = sequenceOf(60)
  const scheduler = schedulerWith([sequence], {}, { window: 20 })
  const held: number[] = []
  while (sequence.pending > 0) {
    commit(scheduler)
    held.push(scheduler.load.heldBlocks)
    if (sequence.pending === 0 && sequence.tokens.length < 96) scheduler.push(sequence, 1)
  }
  // Of 32 computed tokens the next sees those from 13 on, of 60 those from 41 on, of 67 those from 48 on.
  expect(held.slice(0, 9)).toEqual([4, 2, 2, 2, 2, 2, 3, 3, 2])
  expect(Math.max(...held.slice(1))).toBe(3)
  expect(scheduler.load).toMatchObject({ heldBlocks: 2, cachedBlocks: 4, freeBlocks: 2 })
  // They are found all the same: only those that are seen are needed.
  const again = new Sequence(sequence.tokens.slice(0, 70), sequence.handler)
  scheduler.remove(sequence)
  scheduler.add(again)
  expect(commit(scheduler)).toMatchObject([{ start: 64, count: 6 }])
  expect(again.blocks).toHaveLength(5)
  expect(new Set(again.blocks).size).toBe(2)
})

describe('common beginnings', () => {
  const of = [1, 2, 3]

  /** Tokens found for a sequence that comes when another has been computed and has gone. */
  const found = (first: Sequence, second: Sequence, options: SchedulerOptions = {}, limits: Partial<BatchLimits> = {}): number => {
    const scheduler = schedulerWith([first], limits, options)
    while (first.pending > 0) commit(scheduler)
    scheduler.remove(first)
    scheduler.add(second)
    const [slice] = commit(scheduler)
    expect(scheduler.load.prefixHits).toBe(slice!.start)
    return slice!.start
  }

  test('are computed once, in whole blocks, and the last token always anew', () => {
    expect(found(sequenceOf(60, { of }), sequenceOf(60, { of }))).toBe(48)
    expect(found(sequenceOf(40, { of }), sequenceOf(60, { of }))).toBe(32)
    expect(found(sequenceOf(48, { of }), sequenceOf(48, { of }))).toBe(32)
    expect(found(sequenceOf(48, { of }), sequenceOf(49, { of }))).toBe(48)
  })

  test('end where rows are wanted', () => {
    expect(found(sequenceOf(60, { of }), sequenceOf(60, { of, firstRow: 40 }))).toBe(32)
    expect(found(sequenceOf(60, { of }), sequenceOf(60, { of, firstRow: 0 }))).toBe(0)
  })

  test('are those of equal tokens from the first on', () => {
    const other = (position: number): Sequence => {
      const sequence = sequenceOf(60, { of })
      sequence.tokens[position] = 9
      return sequence
    }
    expect([3, 20, 47, 48].map(position => found(sequenceOf(60, { of }), other(position)))).toEqual([0, 16, 32, 48])
    // The same sixteen tokens after others are not the same.
    expect(found(sequenceOf(60, { of: [1, 1] }), other(3))).toBe(0)
  })

  test('are shared within a salt only', () => {
    expect(found(sequenceOf(60, { of, cacheSalt: 'a' }), sequenceOf(60, { of, cacheSalt: 'a' }))).toBe(48)
    expect(found(sequenceOf(60, { of, cacheSalt: 'a' }), sequenceOf(60, { of, cacheSalt: 'b' }))).toBe(0)
    expect(found(sequenceOf(60, { of, cacheSalt: 'a' }), sequenceOf(60, { of }))).toBe(0)
    expect(found(sequenceOf(60, { of, cacheSalt: '' }), sequenceOf(60, { of }))).toBe(0)
  })

  test('are others for sequences beyond the original context', () => {
    expect(found(sequenceOf(60, { of }), sequenceOf(90, { of }), { longAfter: 64 })).toBe(0)
    expect(found(sequenceOf(90, { of }), sequenceOf(60, { of }), { longAfter: 64 })).toBe(0)
    expect(found(sequenceOf(90, { of }), sequenceOf(66, { of }), { longAfter: 64 })).toBe(64)
    expect(found(sequenceOf(64, { of }), sequenceOf(60, { of }), { longAfter: 64 })).toBe(48)
  })

  test('end where a state is kept', () => {
    const copies: [from: number, to: number][] = []
    const copyState = (from: number, to: number): void => void copies.push([from, to])
    const stateful = (first: Sequence, second: Sequence, snapshots: number): number => found(first, second, { copyState }, { snapshots })
    // Steps of 32 and 28 tokens keep states after 32 and after 48, before the newest token.
    expect(stateful(sequenceOf(60, { of }), sequenceOf(60, { of }), 2)).toBe(48)
    expect(copies.splice(0)).toEqual([[4, 0]])
    expect(stateful(sequenceOf(60, { of }), sequenceOf(40, { of }), 2)).toBe(32)
    expect(stateful(sequenceOf(60, { of }), sequenceOf(40, { of }), 1)).toBe(0)
    expect(stateful(sequenceOf(60, { of }), sequenceOf(60, { of }), 0)).toBe(0)
  })

  test('are not shared when the caller does not want it', () => {
    expect(found(sequenceOf(60, { of }), sequenceOf(60, { of }), { sharesPrefixes: false })).toBe(0)
  })

  test('of generated tokens are found too', () => {
    const first = sequenceOf(20, { of })
    const scheduler = schedulerWith([first])
    commit(scheduler)
    while (first.tokens.length < 50) {
      scheduler.push(first, 7)
      commit(scheduler)
    }
    const second = new Sequence([...first.tokens, 8], { onLogits: () => undefined })
    scheduler.add(second)
    expect(commit(scheduler)).toMatchObject([{ sequence: second, start: 48, count: 3 }])
    expect(scheduler.load).toMatchObject({ heldBlocks: 5, prefixHits: 48, prefixQueries: 71 })
  })

  test('of sequences that arrive together are computed by the first of them while the others wait', () => {
    const sequences = [60, 50, 60].map(length => sequenceOf(length, { of }))
    const unrelated = sequenceOf(4)
    const scheduler = schedulerWith([...sequences, unrelated], { blocks: 16 })
    const members = () => commit(scheduler).map(({ sequence, start, count }) => [[...sequences, unrelated].indexOf(sequence), start, count])
    expect(members()).toEqual([[0, 0, 32]])
    expect(members()).toEqual([
      [0, 32, 28],
      [3, 0, 4],
    ])
    expect(members()).toEqual([
      [1, 48, 2],
      [2, 48, 12],
    ])
    expect(scheduler.load).toMatchObject({ heldBlocks: 3 + 1 + 1 + 1 + 1 })
  })

  test('are not waited for when who computes them has a lower priority', () => {
    const [low, high] = [sequenceOf(60, { of }), sequenceOf(60, { of, priority: 1 })]
    const scheduler = schedulerWith([low])
    commit(scheduler)
    scheduler.add(high)
    expect(commit(scheduler)).toMatchObject([{ sequence: high, start: 32, count: 28 }, { sequence: low }])
  })

  test('that are lacking can be brought back, and what is known stays meanwhile', () => {
    const evicted: string[] = []
    const scheduler = schedulerWith([], {}, { onEvict: (_, key) => evicted.push(key) })
    for (const token of [1, 2]) {
      const sequence = sequenceOf(49, { of: [token] })
      scheduler.add(sequence)
      while (sequence.pending > 0) commit(scheduler)
      scheduler.remove(sequence)
    }
    // Three blocks of each are cached, two are free; those of the first were not used for longest.
    const cached = scheduler.cachedBlocks().map(([, key]) => key)
    const sequence = sequenceOf(96, { of: [1] })
    const missing = scheduler.missing(sequence)
    expect([missing, cached.slice(3)]).toEqual([sequence.keys.slice(3, 5), sequence.keys.slice(0, 3)])
    const blocks = [...missing, 'another'].map(key => scheduler.adopt(key))
    expect(new Set(blocks).size).toBe(3)
    expect(evicted).toEqual([cached[2]])
    expect(scheduler.adopt(missing[0]!)).toBeUndefined()
    scheduler.add(sequence)
    expect(commit(scheduler)).toMatchObject([{ sequence, start: 80, count: 16 }])
  })

  test('no more are brought back than there is room for', () => {
    const scheduler = schedulerWith([sequenceOf(40)], { blocks: 6 })
    commit(scheduler)
    expect(scheduler.missing(sequenceOf(96))).toHaveLength(3)
    expect(schedulerWith([], {}, { sharesPrefixes: false }).missing(sequenceOf(96))).toEqual([])
  })

  test('that were not used for longest make room first', () => {
    const scheduler = schedulerWith([])
    const compute = (sequence: Sequence): number => {
      scheduler.add(sequence)
      const { start } = commit(scheduler)[0]!
      while (sequence.pending > 0) commit(scheduler)
      scheduler.remove(sequence)
      return start
    }
    const [a, b] = [[1], [2]]
    compute(sequenceOf(49, { of: a }))
    compute(sequenceOf(49, { of: b }))
    expect(scheduler.load).toMatchObject({ freeBlocks: 2, cachedBlocks: 6 })
    expect(compute(sequenceOf(17, { of: a }))).toBe(16)
    // Six blocks: the two free ones and four cached ones, the ends of what was cached. Then one more, that of the second.
    compute(sequenceOf(96, { of: [3] }))
    compute(sequenceOf(16, { of: [4] }))
    expect(compute(sequenceOf(33, { of: a }))).toBe(16)
    expect(compute(sequenceOf(17, { of: b }))).toBe(0)
  })
})

test('all sequences finish, nobody reads or overwrites what is another’s, and all blocks come back', () => {
  const arrivals = fc.array(
    fc.record({
      prompt: fc.integer({ min: 1, max: 60 }),
      answer: fc.integer({ min: 1, max: 36 }),
      at: fc.integer({ min: 0, max: 20 }),
      /** While a step is at work, rather than before it. */
      isMidStep: fc.boolean(),
      abortAt: fc.option(fc.integer({ min: 1, max: 40 })),
      firstRow: fc.option(fc.integer({ min: 0, max: 70 })),
      of: fc.constantFrom([1], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2], [3, 4]),
      cacheSalt: fc.constantFrom(undefined, 'a', 'b'),
      priority: fc.constantFrom(0, 0, 1),
      ms: fc.double({ min: 0, max: 1_000, noNaN: true }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  const options = fc.record({
    longAfter: fc.constantFrom(null, 40, 48),
    window: fc.constantFrom(null, null, 1, 16, 20, 33),
    sharesPrefixes: fc.constantFrom(true, true, true, false),
    stallMs: fc.constantFrom(1, 100),
    /** The next step is chosen while one is at work. */
    isAhead: fc.constantFrom(true, true, false),
    /** Null for a model without states. */
    snapshots: fc.constantFrom(null, null, 0, 1, 3, 20),
  })
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 6, max: 16 }), options, (requests, blocks, settings) => {
      const { snapshots, isAhead, ...others } = settings
      const memory = new SimulatedMemory(settings, snapshots !== null)
      const copyState = snapshots === null ? undefined : (from: number, to: number): void => memory.copyState(from, to)
      const scheduler = new Scheduler({ ...LIMITS, blocks, snapshots: snapshots ?? 0 }, { ...others, copyState })
      const open = new Map<Sequence, { readonly length: number; readonly abortAt: number | null; readonly isMidStep: boolean }>()
      let arriving = requests.map(({ firstRow, ...request }) => ({
        ...request,
        sequence: sequenceOf(request.prompt, { ...request, ...(firstRow === null ? {} : { firstRow }) }),
      }))
      const end = (sequence: Sequence): void => {
        scheduler.remove(sequence)
        open.delete(sequence)
      }
      const comeAndGo = (step: number, isNow: boolean): void => {
        for (const { sequence, prompt, answer, abortAt, isMidStep } of arriving.filter(one => one.at <= step && one.isMidStep === isNow)) {
          scheduler.add(sequence)
          open.set(sequence, { length: prompt + answer, abortAt, isMidStep })
        }
        arriving = arriving.filter(({ sequence }) => !open.has(sequence))
        for (const [sequence, { abortAt, isMidStep }] of open) if (abortAt !== null && abortAt <= step && isMidStep === isNow) end(sequence)
      }
      for (let step = 0; arriving.length > 0 || open.size > 0; step++) {
        expect(step).toBeLessThan(2_000)
        comeAndGo(step, false)
        let slices = scheduler.schedule()
        // All that were chosen beforehand may have ended.
        if (slices.length === 0) slices = scheduler.schedule()
        if (open.size > 0) expect(slices.length).toBeGreaterThan(0)
        expect(slices.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(LIMITS.tokens)
        expect(slices.reduce((sum, { rowCount }) => sum + rowCount, 0)).toBeLessThanOrEqual(LIMITS.rows)
        const { freeBlocks, cachedBlocks, heldBlocks, running } = scheduler.load
        const held = new Set([...open.keys()].flatMap(sequence => sequence.blocks))
        expect([heldBlocks, freeBlocks + cachedBlocks + heldBlocks]).toEqual([held.size, blocks])
        const slots = [...open.keys()].map(({ stateSlot }) => stateSlot).filter(slot => slot >= 0)
        expect([new Set(slots).size, slots.length]).toEqual([running, running])
        for (const { stateSlot, sequence, start, count } of slices) {
          expect([stateSlot, start]).toEqual([sequence.stateSlot, sequence.computed])
          expect(stateSlot).toBeLessThan(LIMITS.sequences)
          expect(sequence.blocks.length).toBeGreaterThanOrEqual(blocksFor(start + count))
        }
        if (isAhead) scheduler.begin(slices)
        else memory.run(slices, open.keys())
        comeAndGo(step, true)
        // Whoever left meanwhile is still written for.
        if (isAhead) memory.run(slices, new Set([...open.keys(), ...slices.map(({ sequence }) => sequence)]))
        scheduler.end()
        scheduler.measured(slices, requests[step % requests.length]!.ms)
        for (const { sequence, start, count, rowCount } of slices) {
          if (!open.has(sequence)) continue
          scheduler.computed(sequence, start + count)
          if (rowCount > 0) sequence.answered = start + count
          if (sequence.pending > 0) continue
          if (sequence.tokens.length < open.get(sequence)!.length) scheduler.push(sequence, sequence.tokens.length % 5 === 0 ? 2 : 1)
          else end(sequence)
        }
      }
      expect(scheduler.load).toMatchObject({ running: 0, waiting: 0, heldBlocks: 0 })
      expect(scheduler.load.freeBlocks + scheduler.load.cachedBlocks).toBe(blocks)
    }),
    { numRuns: 150 },
  )
})
