import { isHenceError, Rng } from '../../core/index.ts'
import { arrivalTimes } from './arrivals.ts'
import type { LoadTarget } from './load-target.ts'
import { isPassing } from './passing-failure.ts'
import type { RequestSource } from './prompts.ts'
import { SignalFork } from './signal-fork.ts'

/** What came of one request. Times are milliseconds; `arrivedAt` and `sentAt` count from the start of the run. */
export interface RequestRecord {
  readonly index: number
  /** When it was due. */
  readonly arrivedAt: number
  readonly sentAt: number
  /** From its arrival to the first piece of its answer; undefined where none came. */
  readonly ttft: number | undefined
  /** Between two pieces of its answer each. */
  readonly itls: readonly number[]
  /** From its arrival to the end of its answer. */
  readonly e2el: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** Whether the target counted the tokens itself. */
  readonly isCounted: boolean
  /** Why there is no whole answer. */
  readonly error?: string
}

/** How a target is put under load. */
export interface LoadOptions {
  readonly requests: number
  /** Most requests under way at once. Without a rate the next one is sent when another is answered. */
  readonly concurrency: number | undefined
  /** Requests per second that arrive whatever happens to earlier ones; undefined for none but those of `concurrency`. */
  readonly rate: number | undefined
  readonly burstiness: number
  readonly seed: number
  readonly signal: AbortSignal
  /** Called when a request is sent, a piece of an answer comes, or a request has ended. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/** How far a run is. */
export interface LoadProgress {
  readonly sent: number
  readonly completed: number
  readonly failed: number
  /** Of whole answers, and pieces of those under way. */
  readonly completionTokens: number
  readonly ms: number
}

/** A run of requests. */
export interface LoadRun {
  /** Of requests that came to an end by themselves, in the order in which they did. */
  readonly records: readonly RequestRecord[]
  /** From the start to the last end. */
  readonly durationMs: number
  /** Requests that were under way when the run was stopped. */
  readonly cancelled: number
}

/**
 * Puts a target under load and tells what came of every request. Failures of requests are part of the result. When `signal`
 * fires, the run ends with what it has.
 *
 * Without a rate the loop is closed: `concurrency` users each wait for their answer before they ask again. With a rate it is
 * open: times count from when a request was due, so that what has to wait, for the target or for a place under `concurrency`,
 * shows as latency.
 */
export async function runLoad(target: LoadTarget, source: RequestSource, options: LoadOptions): Promise<LoadRun> {
  using signals = new SignalFork(options.signal)
  const run = new Run(target, source, options, signals)
  await (options.rate === undefined ? run.closed(options.concurrency ?? 1) : run.open(options.rate, options.concurrency))
  return run.result()
}

class Run {
  readonly #target: LoadTarget
  readonly #source: RequestSource
  readonly #options: LoadOptions
  readonly #signals: SignalFork
  readonly #records: RequestRecord[] = []
  readonly #begunAt = performance.now()
  #sent = 0
  #failed = 0
  #cancelled = 0
  #completionTokens = 0

  constructor(target: LoadTarget, source: RequestSource, options: LoadOptions, signals: SignalFork) {
    this.#target = target
    this.#source = source
    this.#options = options
    this.#signals = signals
  }

  async closed(users: number): Promise<void> {
    const { requests, signal } = this.#options
    let next = 0
    const user = async (): Promise<void> => {
      while (next < requests && !signal.aborted) await this.#send(next++, undefined)
    }
    await Promise.all(Array.from({ length: Math.min(users, requests) }, user))
  }

  async open(rate: number, places = Number.POSITIVE_INFINITY): Promise<void> {
    const { requests, burstiness, seed, signal } = this.#options
    const arrivals = arrivalTimes(requests, { rate, burstiness }, new Rng(seed))
    const gate = new Gate(places)
    const answers: Promise<void>[] = []
    for (const [index, arrival] of arrivals.entries()) {
      await sleepUntil(this.#begunAt + arrival, signal)
      if (signal.aborted) break
      answers.push(gate.pass(async () => (signal.aborted ? undefined : this.#send(index, arrival))))
    }
    await Promise.all(answers)
  }

  result(): LoadRun {
    const last = this.#records.reduce((latest, { arrivedAt, e2el }) => Math.max(latest, arrivedAt + e2el), 0)
    return { records: this.#records, durationMs: this.#cancelled > 0 ? this.#now() : last, cancelled: this.#cancelled }
  }

  #now(): number {
    return performance.now() - this.#begunAt
  }

  async #send(index: number, arrival: number | undefined): Promise<void> {
    const request = this.#source(index)
    const sentAt = this.#now()
    const arrivedAt = arrival ?? sentAt
    const pieces: number[] = []
    this.#sent++
    this.#tell()
    const record = (rest: Pick<RequestRecord, 'promptTokens' | 'completionTokens' | 'isCounted'> & { error?: string }): void => {
      const e2el = this.#now() - arrivedAt
      const ttft = pieces[0] === undefined ? undefined : pieces[0] - arrivedAt
      const itls = pieces.slice(1).map((at, i) => at - pieces[i]!)
      this.#records.push({ index, arrivedAt, sentAt, ttft, itls, e2el, ...rest })
    }
    const onPiece = (): void => {
      pieces.push(this.#now())
      this.#completionTokens++
      this.#tell()
    }
    try {
      const usage = await this.#signals.run(signal => this.#target.send(request, onPiece, signal))
      const completionTokens = usage.completionTokens ?? pieces.length
      this.#completionTokens += completionTokens - pieces.length
      record({
        promptTokens: usage.promptTokens ?? request.promptTokens ?? 0,
        completionTokens,
        isCounted: usage.promptTokens !== undefined && usage.completionTokens !== undefined,
      })
    } catch (error) {
      if (!isHenceError(error)) throw error
      if (this.#options.signal.aborted) this.#cancelled++
      else {
        this.#failed++
        this.#completionTokens -= pieces.length
        record({ promptTokens: 0, completionTokens: 0, isCounted: true, error: error.message })
      }
    }
    this.#tell()
  }

  #tell(): void {
    this.#options.onProgress?.({
      sent: this.#sent,
      completed: this.#records.length - this.#failed,
      failed: this.#failed,
      completionTokens: this.#completionTokens,
      ms: this.#now(),
    })
  }
}

/** Lets only so many pass at once, first come, first served. */
class Gate {
  #places: number
  readonly #waiting: (() => void)[] = []

  constructor(places: number) {
    this.#places = places
  }

  async pass(work: () => Promise<void>): Promise<void> {
    if (this.#places > 0) this.#places--
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#places++
    }
  }
}

/** Waits for a moment of `performance.now()`, or for the signal. */
async function sleepUntil(at: number, signal: AbortSignal): Promise<void> {
  const ms = at - performance.now()
  if (ms <= 0 || signal.aborted) return
  await new Promise<void>(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}

/**
 * Sends requests that are not measured, `atOnce` of them at a time, so that what happens only once has happened.
 *
 * @throws HenceError what the target refuses any request like these for: `SERVER_FAILED` with a status from 400 to 499 other
 *   than 408 and 429, or whatever a model in this process throws; `ABORTED`
 */
export async function warmUp(target: LoadTarget, source: RequestSource, count: number, atOnce: number, signal: AbortSignal): Promise<void> {
  using signals = new SignalFork(signal)
  let next = 0
  const user = async (): Promise<void> => {
    while (next < count) {
      try {
        await signals.run(own => target.send(source(next++), () => {}, own))
      } catch (error) {
        if (!isPassing(error)) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, user))
}
