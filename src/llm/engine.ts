import { breathe, HenceError, type StepActivity, type Tensor } from '../core/index.ts'
import { KV_BLOCK_TOKENS } from '../program/index.ts'
import type { BlockStore } from './block-store.ts'
import { bytesPerBlock, type Decoder } from './decoder.ts'
import { type DecoderConfig, longAfter, stateSizes } from './decoder-config.ts'
import { DurablePrefixes } from './durable-prefixes.ts'
import { type ScheduledSlice, Scheduler, type SchedulerLoad } from './scheduler.ts'
import { Sequence, type SequenceHandler, type SequenceOptions } from './sequence.ts'
import { StepTally } from './step-tally.ts'

/** Steps of a small model may run without a turn of the event loop; timers and sockets wait no longer than this. */
const BREATH_MS = 4

interface Ticket {
  resolve(): void
  reject(error: unknown): void
  detach(): void
}

/** Sequences that wait at most, unless the caller says otherwise. */
export const DEFAULT_MAX_WAITING = 4_096
/** What timers take. */
const MOST_DEADLINE_MS = 2 ** 31 - 1
const MOST_SALT_LENGTH = 1_024

/** How an engine schedules. */
export interface EngineSettings {
  /** Sequences share what is computed for common beginnings; true by default. */
  readonly prefixCache?: boolean | undefined
  /**
   * Milliseconds a step should take at most while prompts are read beside answers being written. By default twice what a step
   * without prompts takes, 20 to 100.
   */
  readonly stallMs?: number | undefined
  /** Sequences that wait at most; further ones are refused with `SERVER_BUSY`. 4,096 by default. */
  readonly maxWaiting?: number | undefined
}

/**
 * Runs any number of sequences over one decoder, all of them in the same steps. It works while there are sequences and
 * does nothing otherwise.
 */
export class Engine {
  readonly decoder: Decoder
  readonly #scheduler: Scheduler
  readonly #durable: DurablePrefixes | undefined
  /** Sequences that wait for the disk. */
  #restoring = 0
  readonly #maxWaiting: number
  readonly #tickets = new Map<Sequence, Ticket>()
  #batch: { readonly slices: readonly ScheduledSlice[]; readonly controller: AbortController } | undefined
  /** Sequences whose handlers have something left to do; the last ones are out of the schedule already. */
  readonly #untold: { readonly sequence: Sequence; readonly isLast: boolean }[] = []
  readonly #tally: StepTally
  #breathedAt = 0
  /** Settles when there is nothing left to do; undefined while idle. */
  #work: Promise<void> | undefined
  #disposal: Promise<void> | undefined

  /** @param store - keeps what leaves the prefix cache */
  constructor(decoder: Decoder, settings: EngineSettings = {}, store?: BlockStore) {
    const { prefixCache = true, stallMs, maxWaiting = DEFAULT_MAX_WAITING } = settings
    this.decoder = decoder
    this.#maxWaiting = maxWaiting
    const { config, limits } = decoder
    const hasStates = config.layers.some(({ mixer }) => stateSizes(mixer).length > 0)
    const copyState = hasStates ? (from: number, to: number): void => decoder.copyState(from, to) : undefined
    const traits = { longAfter: longAfter(config), window: widestWindow(config) }
    const onEvict = (block: number, key: string): void => this.#durable?.keep(block, key)
    this.#scheduler = new Scheduler(limits, { ...traits, sharesPrefixes: prefixCache, copyState, stallMs, onEvict })
    const { stepWeightBytes: weightBytes, program } = decoder.executable
    this.#tally = new StepTally(config, { weightBytes, kvBytesPerToken: bytesPerBlock(program, limits) / KV_BLOCK_TOKENS })
    this.#durable = store && new DurablePrefixes(store, decoder, this.#scheduler)
  }

  /** What the engine is doing. */
  get load(): SchedulerLoad {
    const { waiting, ...load } = this.#scheduler.load
    return { ...load, waiting: waiting + this.#restoring }
  }

  /** What its steps were. */
  get steps(): StepActivity {
    return this.#tally.activity
  }

  /** True while there are sequences that wait for no disk, or a step that was stopped is not yet over. */
  get isBusy(): boolean {
    return this.#work !== undefined
  }

  /**
   * Works on a sequence until its handler gives no further token.
   *
   * @param tokens - at least one, at most a context
   * @throws HenceError `CONTEXT_OVERFLOW`, `SERVER_BUSY` (too many wait), `ABORTED`, `DEADLINE_EXCEEDED` (with both its blocks
   * are free at once, or when the step is over that it is in), `DISPOSED`, `OPTION_INVALID`, or what the backend or the handler threw
   */
  async run(tokens: readonly number[], handler: SequenceHandler, options: SequenceOptions = {}): Promise<void> {
    if (this.#disposal) throw disposed()
    const { context } = this.decoder.limits
    const { signal, deadlineMs } = options
    if (tokens.length > context) throw overflow(tokens.length, context)
    if (tokens.length === 0) throw new HenceError('OPTION_INVALID', 'a sequence needs at least one token')
    checkOptions(options)
    if (signal?.aborted) throw aborted(signal)
    if (this.#scheduler.waitingCount + this.#restoring >= this.#maxWaiting) throw busy(this.#maxWaiting)
    const sequence = new Sequence(tokens, handler, options)
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => this.#finish(sequence, aborted(signal))
      signal?.addEventListener('abort', onAbort, { once: true })
      const timer = deadlineMs === undefined ? undefined : setTimeout(() => this.#finish(sequence, late(deadlineMs)), deadlineMs)
      const detach = (): void => {
        signal?.removeEventListener('abort', onAbort)
        clearTimeout(timer)
      }
      this.#tickets.set(sequence, { resolve, reject, detach })
      const restoring = this.#durable?.restore(sequence)
      if (restoring) void this.#enterAfter(restoring, sequence)
      else this.#enter(sequence)
    })
  }

  #enter(sequence: Sequence): void {
    this.#scheduler.add(sequence)
    this.#work ??= this.#workOff()
  }

  /** @param restoring - of the blocks the sequence begins with; it never fails */
  async #enterAfter(restoring: Promise<void>, sequence: Sequence): Promise<void> {
    this.#restoring++
    await restoring
    this.#restoring--
    if (!sequence.isDone) this.#enter(sequence)
  }

  /** Ends all sequences with `DISPOSED`, and frees the decoder once the step at work has stopped. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  async #dispose(): Promise<void> {
    for (const sequence of [...this.#tickets.keys()]) this.#finish(sequence, disposed())
    await this.#work
    await this.#durable?.close()
    this.decoder.dispose()
  }

  /** Repeats steps while there is work. */
  async #workOff(): Promise<void> {
    // Sequences that arrive in the same turn of the event loop share the first step.
    await Promise.resolve()
    this.#breathedAt = performance.now()
    while (this.#scheduler.hasWork || this.#untold.length > 0) {
      try {
        await this.step()
      } catch (error) {
        // Nobody must wait forever for what cannot be scheduled.
        for (const sequence of [...this.#tickets.keys()]) this.#finish(sequence, error)
      }
    }
    this.#work = undefined
  }

  /**
   * Runs and commits a step. While it is computed the next one is chosen, and what is left to do of the one before it is done. A
   * failure ends the sequences in it.
   */
  async step(): Promise<void> {
    const scheduled = this.#scheduler.schedule()
    for (const { sequence } of scheduled) this.#start(sequence)
    const slices = scheduled.filter(({ sequence }) => !sequence.isDone)
    const controller = new AbortController()
    this.#batch = { slices, controller }
    try {
      const computing = slices.length > 0 ? this.decoder.run(slices, controller.signal) : undefined
      const [outputs] = await Promise.all([computing, this.#meanwhile(slices)])
      this.#scheduler.end()
      if (outputs) this.#commit(slices, outputs['logits']!.data as Float32Array, outputs['likeliest']!)
    } catch (error) {
      this.#scheduler.end()
      for (const { sequence } of slices) this.#finish(sequence, error)
    } finally {
      this.#batch = undefined
    }
  }

  /** What is done beside a step. It never fails: whoever waits for both knows that the step is over. */
  async #meanwhile(slices: readonly ScheduledSlice[]): Promise<void> {
    this.#scheduler.begin(slices)
    for (const { sequence, isLast } of this.#untold.splice(0)) this.#tell(sequence, isLast)
    if (performance.now() - this.#breathedAt < BREATH_MS) return
    await breathe()
    this.#breathedAt = performance.now()
  }

  #tell(sequence: Sequence, isLast: boolean): void {
    if (sequence.isDone) return
    try {
      const goesOn = sequence.handler.afterLogits?.() ?? true
      if (isLast || !goesOn) this.#finish(sequence)
    } catch (error) {
      this.#finish(sequence, error)
    }
  }

  #start(sequence: Sequence): void {
    try {
      sequence.start()
    } catch (error) {
      this.#finish(sequence, error)
    }
  }

  #commit(slices: readonly ScheduledSlice[], logits: Float32Array, { data, shape: [, width] }: Tensor): void {
    this.#scheduler.measured(slices, this.decoder.lastComputeMs)
    this.#tally.count(slices, this.decoder.lastComputeMs)
    const { vocabulary } = this.decoder.config
    let row = 0
    for (const { sequence, start, count, rowCount } of slices) {
      const rows = logits.subarray(row * vocabulary, (row + rowCount) * vocabulary)
      row += rowCount
      const likeliest = (data as Int32Array).subarray((row - 1) * width!, row * width!)
      if (!sequence.isDone) this.#advance(sequence, start + count, rows, rowCount, likeliest)
    }
  }

  #advance(sequence: Sequence, computed: number, rows: Float32Array, rowCount: number, likeliest: Int32Array): void {
    this.#scheduler.computed(sequence, computed)
    if (rowCount === 0) return
    sequence.answered = computed
    const { handler } = sequence
    try {
      const next = handler.onLogits(rows, computed - rowCount, rowCount, likeliest)
      if (sequence.isDone) return
      const isLast = next === undefined && sequence.pending === 0
      if (isLast) this.#scheduler.remove(sequence)
      if (handler.afterLogits) this.#untold.push({ sequence, isLast })
      else if (isLast) this.#finish(sequence)
      if (next === undefined || sequence.pending > 0) return
      const { context } = this.decoder.limits
      if (sequence.tokens.length === context) throw overflow(context + 1, context)
      this.#scheduler.push(sequence, next)
    } catch (error) {
      this.#finish(sequence, error)
    }
  }

  /** Ends a sequence: with an error, or well. Stops the step at work when nobody waits for it any more. */
  #finish(sequence: Sequence, error?: unknown): void {
    const ticket = this.#tickets.get(sequence)
    if (!ticket) return
    this.#tickets.delete(sequence)
    sequence.isDone = true
    this.#scheduler.remove(sequence)
    if (this.#batch?.slices.every(slice => slice.sequence.isDone)) this.#batch.controller.abort()
    ticket.detach()
    if (error === undefined) ticket.resolve()
    else ticket.reject(error)
  }
}

/** Newest keys that a query of any layer sees; null when some layer sees all, or has none. */
function widestWindow({ layers }: DecoderConfig): number | null {
  const windows = layers.map(({ mixer }) => (mixer.kind === 'attention' && mixer.window !== null ? mixer.window : Number.POSITIVE_INFINITY))
  const widest = Math.max(...windows)
  return Number.isFinite(widest) ? widest : null
}

function checkOptions({ priority = 0, deadlineMs = 1, cacheSalt = '' }: SequenceOptions): void {
  if (!Number.isFinite(priority)) throw new HenceError('OPTION_INVALID', `a priority of ${priority} is no finite number`)
  if (!(deadlineMs > 0 && deadlineMs <= MOST_DEADLINE_MS))
    throw new HenceError('OPTION_INVALID', `a deadline of ${deadlineMs} ms is not above 0 and at most ${MOST_DEADLINE_MS}`, { deadlineMs })
  if (cacheSalt.length > MOST_SALT_LENGTH)
    throw new HenceError('OPTION_INVALID', `a salt of ${cacheSalt.length} characters is longer than ${MOST_SALT_LENGTH}`)
}

function overflow(tokens: number, context: number): HenceError {
  return new HenceError('CONTEXT_OVERFLOW', `${tokens} tokens do not fit into a context of ${context}`, { tokens, context })
}

function busy(maxWaiting: number): HenceError {
  return new HenceError('SERVER_BUSY', `${maxWaiting} sequences wait already`, {
    maxWaiting,
    hint: 'Try again when some have ended, or load with a larger { maxWaiting }.',
  })
}

function late(deadlineMs: number): HenceError {
  return new HenceError('DEADLINE_EXCEEDED', `the sequence was not finished within ${deadlineMs} ms`, { deadlineMs })
}

function aborted(signal: AbortSignal | undefined): HenceError {
  return new HenceError('ABORTED', 'the operation was aborted', { cause: signal?.reason })
}

function disposed(): HenceError {
  return new HenceError('DISPOSED', 'the model was disposed')
}
