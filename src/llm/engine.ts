import { breathe, HenceError } from '../core/index.ts'
import type { Decoder } from './decoder.ts'
import { longAfter } from './decoder-config.ts'
import { type ScheduledSlice, Scheduler } from './scheduler.ts'
import { Sequence, type SequenceHandler, type SequenceOptions } from './sequence.ts'

/** Steps of a small model may run without a turn of the event loop; timers and sockets wait no longer than this. */
const BREATH_MS = 4

interface Ticket {
  resolve(): void
  reject(error: unknown): void
  detach(): void
}

/** What the engine is doing. */
export interface EngineLoad {
  readonly running: number
  readonly waiting: number
  readonly freeBlocks: number
  readonly blocks: number
}

/**
 * Runs any number of sequences over one decoder, all of them in the same steps. It works while there are sequences and
 * does nothing otherwise.
 */
export class Engine {
  readonly decoder: Decoder
  readonly #scheduler: Scheduler
  readonly #longAfter: number | null
  readonly #tickets = new Map<Sequence, Ticket>()
  #batch: { readonly slices: readonly ScheduledSlice[]; readonly controller: AbortController } | undefined
  /** Settles when there is nothing left to do; undefined while idle. */
  #work: Promise<void> | undefined
  #disposal: Promise<void> | undefined

  constructor(decoder: Decoder) {
    this.decoder = decoder
    this.#longAfter = longAfter(decoder.config)
    this.#scheduler = new Scheduler(decoder.limits)
  }

  get load(): EngineLoad {
    const { runningCount, waitingCount, freeBlocks } = this.#scheduler
    return { running: runningCount, waiting: waitingCount, freeBlocks, blocks: this.decoder.limits.blocks }
  }

  /**
   * Works on a sequence until its handler gives no further token.
   *
   * @param tokens - at least one, at most a context
   * @throws HenceError `CONTEXT_OVERFLOW`, `ABORTED` (its blocks are free at once), `DISPOSED`, or what the backend threw
   */
  async run(tokens: readonly number[], handler: SequenceHandler, { signal }: SequenceOptions = {}): Promise<void> {
    if (this.#disposal) throw disposed()
    const { context } = this.decoder.limits
    if (tokens.length > context)
      throw new HenceError('CONTEXT_OVERFLOW', `${tokens.length} tokens do not fit into a context of ${context}`, {
        tokens: tokens.length,
        context,
      })
    if (tokens.length === 0) throw new HenceError('OPTION_INVALID', 'a sequence needs at least one token')
    if (signal?.aborted) throw aborted(signal)
    const sequence = new Sequence(tokens, handler)
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => this.#finish(sequence, aborted(signal))
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#tickets.set(sequence, { resolve, reject, detach: () => signal?.removeEventListener('abort', onAbort) })
      this.#scheduler.add(sequence)
      this.#work ??= this.#workOff()
    })
  }

  /** Ends all sequences with `DISPOSED`, and frees the decoder once the step at work has stopped. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  async #dispose(): Promise<void> {
    for (const sequence of [...this.#tickets.keys()]) this.#finish(sequence, disposed())
    await this.#work
    this.decoder.dispose()
  }

  /** Repeats steps while there is work. */
  async #workOff(): Promise<void> {
    // Sequences that arrive in the same turn of the event loop share the first step.
    await Promise.resolve()
    let breathedAt = performance.now()
    while (this.#tickets.size > 0) {
      await this.step()
      if (performance.now() - breathedAt < BREATH_MS) continue
      await breathe()
      breathedAt = performance.now()
    }
    this.#work = undefined
  }

  /** Schedules, runs and commits one step; a failure ends the sequences in it. */
  async step(): Promise<void> {
    const slices = this.#scheduler.schedule()
    const controller = new AbortController()
    this.#batch = { slices, controller }
    for (const { sequence } of slices) sequence.start()
    try {
      const { logits } = await this.decoder.run(slices, controller.signal)
      this.#commit(slices, logits!.data as Float32Array)
    } catch (error) {
      for (const { sequence } of slices) this.#finish(sequence, error)
    } finally {
      this.#batch = undefined
    }
  }

  #commit(slices: readonly ScheduledSlice[], logits: Float32Array): void {
    const { vocabulary } = this.decoder.config
    let row = 0
    for (const { sequence, start, count, rowCount } of slices) {
      const rows = logits.subarray(row * vocabulary, (row + rowCount) * vocabulary)
      row += rowCount
      if (!sequence.isDone) this.#advance(sequence, start + count, rows, rowCount)
    }
  }

  #advance(sequence: Sequence, computed: number, rows: Float32Array, rowCount: number): void {
    sequence.computed = computed
    if (rowCount > 0) sequence.answered = computed
    try {
      const next = rowCount > 0 ? sequence.handler.onLogits(rows, computed - rowCount, rowCount) : undefined
      if (sequence.pending > 0) return
      if (next === undefined) this.#finish(sequence)
      else sequence.push(next, this.#longAfter)
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

function aborted(signal: AbortSignal | undefined): HenceError {
  return new HenceError('ABORTED', 'the operation was aborted', { cause: signal?.reason })
}

function disposed(): HenceError {
  return new HenceError('DISPOSED', 'the model was disposed')
}
