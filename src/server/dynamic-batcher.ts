import { breathe, HenceError, type ModelValue, type TensorModel } from '../core/index.ts'
import { areClose, canBatch, type NamedTensors, rowsOf, signatureOf, stack, unstack } from './batch-plan.ts'

/**
 * Why a batch was sent as it was: it had all the rows one run takes, it waited as long as it may, nothing else was there,
 * the next request has other shapes, or the model cannot share runs.
 */
export type CutReason = 'full' | 'delay' | 'idle' | 'shape' | 'single'

/** The result of a request, and how it came about. */
export interface BatchedResult {
  readonly outputs: Readonly<Record<string, ModelValue>>
  readonly reason: CutReason
  /** Rows and requests of the run. */
  readonly rows: number
  readonly requests: number
  readonly queueMs: number
  readonly computeMs: number
}

/** How requests are put together. */
export interface BatcherOptions {
  readonly maxRows: number
  readonly maxDelayMs: number
  readonly onBatch: (rows: number, reason: CutReason) => void
}

interface Ticket {
  readonly inputs: NamedTensors
  readonly rows: number
  /** Absent for one that runs alone. */
  readonly signature: string | undefined
  readonly signal: AbortSignal
  readonly arrivedAt: number
  resolve(result: BatchedResult): void
  reject(error: unknown): void
}

/**
 * Puts requests to one tensor model together: while a run is at work requests gather, and the next run takes as many of
 * them, in their order, as fit. With a delay, requests also wait for others while nothing runs. The first shared run is
 * held against running its first request alone; a model whose rows touch one another never shares a run again.
 */
export class DynamicBatcher {
  readonly #model: TensorModel
  readonly #options: BatcherOptions
  readonly #queue: Ticket[] = []
  #isShareable: boolean
  #isProven = false
  #isRunning = false
  #timer: NodeJS.Timeout | undefined

  constructor(model: TensorModel, options: BatcherOptions) {
    this.#model = model
    this.#options = options
    this.#isShareable = options.maxRows > 1 && canBatch(model.describe())
  }

  /** @throws HenceError as `TensorModel.run`; `ABORTED` or the signal's own reason */
  run(inputs: NamedTensors, signal: AbortSignal): Promise<BatchedResult> {
    const leave = (): void => this.#leave(ticket)
    let ticket: Ticket
    const result = new Promise<BatchedResult>((resolve, reject) => {
      const rows = this.#isShareable ? rowsOf(inputs) : undefined
      ticket = {
        inputs,
        rows: rows ?? 1,
        signature: rows === undefined ? undefined : signatureOf(inputs),
        signal,
        arrivedAt: performance.now(),
        resolve,
        reject,
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#queue.push(ticket)
      this.#schedule()
    })
    return result.finally(() => signal.removeEventListener('abort', leave))
  }

  /** A request whose client left no longer waits. */
  #leave(ticket: Ticket): void {
    const at = this.#queue.indexOf(ticket)
    if (at >= 0) this.#queue.splice(at, 1)
    // The timer may have been its own.
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#schedule()
    ticket.reject(new HenceError('ABORTED', 'the operation was aborted', { cause: ticket.signal.reason }))
  }

  /** Starts a run when one may start now, or a timer for when it may. */
  #schedule(): void {
    if (this.#isRunning || this.#queue.length === 0) return
    const isWaiting = this.#cut().reason === 'idle'
    const leftMs = this.#options.maxDelayMs - (performance.now() - this.#queue[0]!.arrivedAt)
    if (isWaiting && leftMs > 0) this.#timer ??= setTimeout(() => this.#begin('delay'), leftMs)
    else this.#begin(isWaiting && this.#options.maxDelayMs > 0 ? 'delay' : 'idle')
  }

  /** @param reason - why a batch starts that more could have joined */
  #begin(reason: 'delay' | 'idle'): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#isRunning) void this.#work(reason)
  }

  /** How many of the requests that wait would go together now, and why not more. */
  #cut(): { count: number; reason: CutReason } {
    const { maxRows } = this.#options
    const [first] = this.#queue
    if (!first || first.signature === undefined) return { count: 1, reason: 'single' }
    let { rows } = first
    let count = 1
    for (; count < this.#queue.length; count++) {
      const next = this.#queue[count]!
      if (next.signature !== first.signature) return { count, reason: 'shape' }
      if (rows + next.rows > maxRows) return { count, reason: 'full' }
      rows += next.rows
    }
    return { count, reason: rows >= maxRows ? 'full' : 'idle' }
  }

  async #work(idleReason: 'delay' | 'idle'): Promise<void> {
    this.#isRunning = true
    // Requests that arrive in the same turn of the event loop share the first run.
    await breathe()
    if (this.#queue.length > 0) {
      const { count, reason } = this.#cut()
      await this.#runBatch(this.#queue.splice(0, count), reason === 'idle' ? idleReason : reason)
    }
    this.#isRunning = false
    this.#schedule()
  }

  async #runBatch(tickets: readonly Ticket[], reason: CutReason): Promise<void> {
    const startedAt = performance.now()
    const rows = tickets.reduce((sum, ticket) => sum + ticket.rows, 0)
    this.#options.onBatch(rows, reason)
    try {
      const parts = await this.#compute(tickets)
      const computeMs = performance.now() - startedAt
      for (const [i, ticket] of tickets.entries())
        ticket.resolve({
          outputs: parts[i]!,
          reason,
          rows,
          requests: tickets.length,
          queueMs: startedAt - ticket.arrivedAt,
          computeMs,
        })
    } catch (error) {
      if (tickets.length === 1) tickets[0]!.reject(error)
      // One request may have spoilt the run of the others.
      else for (const ticket of tickets) await this.#runBatch([ticket], reason)
    }
  }

  async #compute(tickets: readonly Ticket[]): Promise<readonly Readonly<Record<string, ModelValue>>[]> {
    const alone = (ticket: Ticket): Promise<Record<string, ModelValue>> => this.#model.run(ticket.inputs, { signal: ticket.signal })
    const [first] = tickets
    if (tickets.length === 1) return [await alone(first!)]
    const outputs = await this.#model.run(stack(tickets.map(({ inputs }) => inputs)), { signal: whenAll(tickets) })
    try {
      const parts = unstack(
        outputs,
        tickets.map(({ rows }) => rows),
      )
      this.#isProven ||= areClose(await alone(first!), parts[0]!)
      if (this.#isProven) return parts
    } catch (error) {
      if (first!.signal.aborted) throw error
    }
    this.#isShareable = false
    const parts = []
    for (const ticket of tickets) parts.push(await alone(ticket))
    return parts
  }
}

/** Fires once nobody waits for the result. */
function whenAll(tickets: readonly Ticket[]): AbortSignal {
  const controller = new AbortController()
  let left = tickets.length
  const leave = (): void => {
    left--
    if (left === 0) controller.abort()
  }
  for (const { signal } of tickets)
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  return controller.signal
}
