import { describe, expect, test } from 'vitest'
import { HenceError } from '../../core/index.ts'
import type { LoadTarget } from './load-target.ts'
import { runLoad, warmUp } from './run-load.ts'

const NEVER = new AbortController().signal
const BASE = { requests: 12, concurrency: undefined, rate: undefined, burstiness: 1, seed: 1, signal: NEVER }
const source = (index: number) => ({ prompt: [index], maxTokens: 3, ignoreEos: true })

/** A target whose answers end when they are let go; `most` is how many were ever under way at once. */
class HeldTarget implements LoadTarget {
  readonly backend = 'in-process'
  readonly model = 'held'
  readonly location = 'here'
  readonly seen: number[] = []
  most = 0
  readonly #open: (() => void)[] = []

  async send({ prompt }: Parameters<LoadTarget['send']>[0], onPiece: () => void, signal: AbortSignal) {
    this.seen.push(prompt[0] as number)
    await new Promise<void>((resolve, reject) => {
      this.#open.push(resolve)
      this.most = Math.max(this.most, this.#open.length)
      signal.addEventListener('abort', () => reject(new HenceError('ABORTED', 'gone')))
    })
    onPiece()
    onPiece()
    return { promptTokens: 1, completionTokens: 2 }
  }

  get underWay(): number {
    return this.#open.length
  }

  /** Lets the oldest answer end. */
  release(): void {
    this.#open.shift()?.()
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

describe('a closed loop', () => {
  test('has as many under way as there are users, and each request once', async () => {
    const target = new HeldTarget()
    const run = runLoad(target, source, { ...BASE, concurrency: 4 })
    for (let answered = 0; answered < 12; answered++) {
      await until(() => target.underWay === Math.min(4, 12 - answered))
      target.release()
    }
    const { records, cancelled } = await run
    expect(target.most).toBe(4)
    expect(target.seen).toEqual(Array.from({ length: 12 }, (_, i) => i))
    expect(records.map(({ index }) => index).sort((a, b) => a - b)).toEqual(target.seen)
    expect(records.every(({ arrivedAt, sentAt, itls, ttft, e2el }) => arrivedAt === sentAt && itls.length === 1 && ttft! <= e2el)).toBe(
      true,
    )
    expect(cancelled).toBe(0)
  })
})

describe('an open loop', () => {
  test('sends whatever happens to earlier requests', async () => {
    const target = new HeldTarget()
    const run = runLoad(target, source, { ...BASE, rate: Number.POSITIVE_INFINITY })
    await until(() => target.underWay === 12)
    while (target.underWay > 0) target.release()
    expect((await run).records).toHaveLength(12)
  })

  test('lets requests wait for a place, and counts that as latency', async () => {
    const target = new HeldTarget()
    const run = runLoad(target, source, { ...BASE, rate: Number.POSITIVE_INFINITY, concurrency: 5 })
    for (let answered = 0; answered < 12; answered++) {
      await until(() => target.underWay === Math.min(5, 12 - answered))
      target.release()
    }
    const { records } = await run
    expect(target.most).toBe(5)
    expect(records.every(({ arrivedAt }) => arrivedAt === 0)).toBe(true)
    expect(records.at(-1)!.sentAt).toBeGreaterThan(0)
    expect(records.at(-1)!.ttft).toBeGreaterThanOrEqual(records.at(-1)!.sentAt)
  })

  test('sends nothing before its time', async () => {
    const target = new HeldTarget()
    const run = runLoad(target, source, { ...BASE, requests: 10, rate: 200 })
    await until(() => target.underWay === 10)
    while (target.underWay > 0) target.release()
    const { records } = await run
    // Timers may fire a moment early by the clock they are not measured with.
    expect(records.every(({ sentAt, arrivedAt }) => sentAt >= arrivedAt - 2)).toBe(true)
    expect(records.at(-1)!.arrivedAt).toBeCloseTo(50, 6)
  })
})

test('a run that is stopped tells what it has', async () => {
  const controller = new AbortController()
  for (const kind of [{ concurrency: 3 }, { rate: Number.POSITIVE_INFINITY, concurrency: 3 }, { rate: 0.001 }]) {
    const target = new HeldTarget()
    const own = new AbortController()
    const run = runLoad(target, source, { ...BASE, ...kind, signal: own.signal })
    if (kind.concurrency !== undefined) {
      await until(() => target.underWay === 3)
      target.release()
      await until(() => target.underWay === 3)
    }
    own.abort()
    const { records, cancelled } = await run
    expect([records.length, cancelled]).toEqual(kind.concurrency === undefined ? [0, 0] : [1, 3])
  }
  controller.abort()
  expect((await runLoad(new HeldTarget(), source, { ...BASE, signal: controller.signal })).records).toEqual([])
})

test('failures are records with a reason; what is no failure of a target is thrown', async () => {
  const failing = (error: Error): LoadTarget => ({
    backend: 'openai',
    model: 'm',
    location: 'x',
    send: async ({ prompt }) => {
      if ((prompt[0] as number) % 3 === 0) throw error
      return { promptTokens: undefined, completionTokens: undefined }
    },
  })
  const { records } = await runLoad(failing(new HenceError('SERVER_FAILED', 'HTTP 500')), source, { ...BASE, concurrency: 2 })
  expect(records.filter(({ error }) => error === 'HTTP 500')).toHaveLength(4)
  expect(records.filter(({ error, isCounted }) => error === undefined && !isCounted)).toHaveLength(8)
  await expect(runLoad(failing(new TypeError('a defect')), source, BASE)).rejects.toThrow('a defect')
})

describe('warming up', () => {
  const target = (status: number | undefined, seen: number[]): LoadTarget => ({
    backend: 'openai',
    model: 'm',
    location: 'x',
    send: async ({ prompt }) => {
      seen.push(prompt[0] as number)
      if (status !== undefined) throw new HenceError('SERVER_FAILED', `HTTP ${status}`, { status })
      return { promptTokens: 1, completionTokens: 1 }
    },
  })

  test.each([undefined, 429, 503, 500])('goes on after %s', async status => {
    const seen: number[] = []
    await warmUp(target(status, seen), source, 5, 2, NEVER)
    expect(seen.sort()).toEqual([0, 1, 2, 3, 4])
  })

  test.each([400, 401, 404, 422])('says at once what would be refused every time: %s', async status => {
    await expect(warmUp(target(status, []), source, 5, 2, NEVER)).rejects.toThrow(`HTTP ${status}`)
  })
})
