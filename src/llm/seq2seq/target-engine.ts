import { HenceError } from '../../core/index.ts'
import type { Continuation } from '../beam-search.ts'
import { BlockPool, blocksFor } from '../kv-blocks.ts'
import type { Seq2Seq } from './seq2seq.ts'
import type { TargetSlice } from './target-layout.ts'

/** What the owner of a target does with what the engine computes. */
export interface TargetHandler {
  /** Logits are wanted for tokens of the prefix from this position on; only for its last when left out. */
  readonly firstRow?: number | undefined
  /** The first step that works on the target begins. */
  onStart?(): void
  /**
   * Takes logits `[count, vocabulary]`, valid during the call: at first those of the prefix's tokens `position .. position +
   * count`; then of the newest token, at `position`, of each of `count` texts that go on.
   *
   * @returns once the prefix is whole, the texts that go on; undefined when none does
   */
  onLogits(logits: Float32Array, position: number, count: number): readonly Continuation[] | undefined
}

/** A target to write. */
export interface TargetRequest {
  /** What the encoder made of the source, `[tokens, hidden]`. */
  readonly memory: Float32Array
  /** What the decoder begins with; at least one token. */
  readonly prefix: readonly number[]
  /** Texts that go on beside each other at most. */
  readonly width: number
  /** Tokens a text has at most, the prefix among them. */
  readonly mostTokens: number
}

/** One of the texts of a target. */
interface Text {
  readonly tokens: number[]
  readonly blocks: number[]
  /** Tokens whose keys and values are in the blocks. */
  computed: number
}

/** A target in work. */
class Target {
  readonly request: TargetRequest
  readonly handler: TargetHandler
  /** Blocks it may take at most. */
  readonly most: number
  readonly length: number
  readonly sourceBlocks: number[] = []
  texts: Text[]
  hasStarted = false
  isDone = false

  constructor(request: TargetRequest, handler: TargetHandler, hidden: number) {
    this.request = request
    this.handler = handler
    this.length = request.memory.length / hidden
    this.most = blocksFor(this.length) + mostBlocks(request.width, request.mostTokens)
    this.texts = [{ tokens: [...request.prefix], blocks: [], computed: 0 }]
  }

  get source() {
    return { memory: this.request.memory, length: this.length, blocks: this.sourceBlocks }
  }

  /** Logit rows wanted when the next `count` tokens of a text are computed. */
  rowCount({ tokens, computed }: Text, count: number): number {
    const first = Math.min(this.handler.firstRow ?? tokens.length - 1, tokens.length - 1)
    return Math.max(0, computed + count - Math.max(computed, first))
  }
}

/** A text's part of a step. */
interface Slice extends TargetSlice {
  readonly target: Target
  readonly text: Text
}

interface Ticket {
  resolve(): void
  reject(error: unknown): void
  detach(): void
}

/**
 * Writes any number of targets over one encoder–decoder, all of them in the same steps; the texts of a beam search share the
 * blocks of what they have in common. A target is taken up when the blocks it may need at most are free, first come, first
 * served, so that none is ever set back; one that may need more than there are is taken up alone.
 */
export class TargetEngine {
  readonly model: Seq2Seq
  readonly #blocks: BlockPool
  readonly #tickets = new Map<Target, Ticket>()
  readonly #running: Target[] = []
  readonly #waiting: Target[] = []
  /** Sources whose keys and values are not written yet. */
  #arrivals: Target[] = []
  #batch: { readonly slices: readonly Slice[]; readonly controller: AbortController } | undefined
  #work: Promise<void> | undefined
  #disposal: Promise<void> | undefined

  constructor(model: Seq2Seq) {
    this.model = model
    this.#blocks = new BlockPool(model.limits.blocks)
  }

  /** What the engine is doing: targets in steps and waiting, blocks that are free, and all. */
  get load(): { readonly running: number; readonly waiting: number; readonly freeBlocks: number; readonly blocks: number } {
    const { freeCount: freeBlocks, size: blocks } = this.#blocks
    return { running: this.#running.length, waiting: this.#waiting.length, freeBlocks, blocks }
  }

  /**
   * Works on a target until its handler lets no text go on.
   *
   * @throws HenceError `CONTEXT_OVERFLOW`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`, or what the backend threw
   */
  async run(request: TargetRequest, handler: TargetHandler, signal?: AbortSignal): Promise<void> {
    if (this.#disposal) throw disposed()
    const { targetContext, sequences } = this.model.limits
    const { prefix, width } = request
    if (prefix.length === 0) throw new HenceError('OPTION_INVALID', 'a target needs at least one token to begin with')
    if (width > sequences)
      throw new HenceError('OPTION_INVALID', `${width} beams are more than the ${sequences} of a step`, { width, sequences })
    if (prefix.length > targetContext)
      throw new HenceError('CONTEXT_OVERFLOW', `${prefix.length} tokens do not fit into a target of ${targetContext}`, {
        tokens: prefix.length,
        context: targetContext,
      })
    if (signal?.aborted) throw aborted(signal)
    const target = new Target(request, handler, this.model.config.hidden)
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => this.#finish(target, aborted(signal))
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#tickets.set(target, { resolve, reject, detach: () => signal?.removeEventListener('abort', onAbort) })
      this.#waiting.push(target)
      this.#work ??= this.#workOff()
    })
  }

  /** Ends all targets with `DISPOSED` once the step at work has stopped; the model is its owner's. */
  dispose(): Promise<void> {
    this.#disposal ??= (async () => {
      for (const target of [...this.#tickets.keys()]) this.#finish(target, disposed())
      await this.#work
    })()
    return this.#disposal
  }

  async #workOff(): Promise<void> {
    // Targets that arrive in the same turn of the event loop share the first step.
    await Promise.resolve()
    while (this.#tickets.size > 0) await this.#step()
    this.#work = undefined
  }

  /** Schedules, runs and commits one step; a failure ends the targets in it. */
  async #step(): Promise<void> {
    while (this.#admit()) {}
    const slices = this.#schedule()
    if (slices.length === 0) return
    // A source is written in the first step that looks at it.
    const inStep = new Set(slices.map(({ target }) => target))
    const arrivals = this.#arrivals.filter(target => inStep.has(target))
    this.#arrivals = this.#arrivals.filter(target => !inStep.has(target))
    const controller = new AbortController()
    this.#batch = { slices, controller }
    try {
      const { logits } = await this.model.step(
        slices,
        arrivals.map(({ source }) => source),
        controller.signal,
      )
      this.#commit(slices, logits!.data as Float32Array)
    } catch (error) {
      for (const { target } of slices) this.#finish(target, error)
    } finally {
      this.#batch = undefined
    }
  }

  /** Takes up the target that waits longest, if there is room. */
  #admit(): boolean {
    const [target] = this.#waiting
    if (!target) return false
    const { sequences, sourceTokens } = this.model.limits
    const promised = this.#running.reduce((sum, { most }) => sum + most, 0)
    const width = this.#running.reduce((sum, { request }) => sum + request.width, target.request.width)
    const arriving = this.#arrivals.reduce((sum, { length }) => sum + length, target.length)
    const fits = promised + target.most <= this.#blocks.size && width <= sequences && arriving <= sourceTokens
    if (this.#running.length > 0 && !fits) return false
    this.#waiting.shift()
    if (!this.#blocks.extend(target.sourceBlocks, target.length)) {
      this.#finish(target, this.#tooFewBlocks(target))
      return true
    }
    this.#running.push(target)
    this.#arrivals.push(target)
    return true
  }

  #schedule(): Slice[] {
    const slices: Slice[] = []
    let { tokens: tokensLeft, rows: rowsLeft } = this.model.limits
    const pending = ({ tokens, computed }: Text): number => tokens.length - computed
    // Targets whose texts go on come before those that begin.
    const ordered = [
      ...this.#running.filter(({ texts }) => pending(texts[0]!) === 1),
      ...this.#running.filter(({ texts }) => pending(texts[0]!) > 1),
    ]
    for (const target of ordered) {
      const { texts } = target
      if (texts.length > Math.min(tokensLeft, rowsLeft)) continue
      for (const text of texts) {
        let count = Math.min(pending(text), tokensLeft)
        count -= Math.max(0, target.rowCount(text, count) - rowsLeft)
        if (!this.#blocks.extend(text.blocks, text.computed + count)) {
          this.#finish(target, this.#tooFewBlocks(target))
          break
        }
        const { tokens, computed: start, blocks } = text
        const rowCount = target.rowCount(text, count)
        slices.push({ target, text, tokens, start, count, rowCount, blocks, source: target.source })
        tokensLeft -= count
        rowsLeft -= rowCount
      }
      if (!target.hasStarted) target.handler.onStart?.()
      target.hasStarted = true
    }
    return slices.filter(({ target }) => !target.isDone)
  }

  #commit(slices: readonly Slice[], logits: Float32Array): void {
    const { vocabulary } = this.model.config
    let row = 0
    for (let at = 0; at < slices.length; ) {
      const { target, start, count } = slices[at]!
      const first = row
      for (; at < slices.length && slices[at]!.target === target; at++) {
        row += slices[at]!.rowCount
        slices[at]!.text.computed += slices[at]!.count
      }
      if (target.isDone) continue
      const rows = row - first
      const position = target.texts.length === 1 ? start + count - rows : start
      this.#advance(target, logits.subarray(first * vocabulary, row * vocabulary), position, rows)
    }
  }

  #advance(target: Target, logits: Float32Array, position: number, rows: number): void {
    try {
      const next = rows > 0 ? target.handler.onLogits(logits, position, rows) : undefined
      if (target.texts[0]!.computed < target.texts[0]!.tokens.length) return
      if (next === undefined || next.length === 0) this.#finish(target)
      else this.#continue(target, next)
    } catch (error) {
      this.#finish(target, error)
    }
  }

  /** The texts of the next step: each shares the blocks of the one it goes on from, and has its own last one. */
  #continue(target: Target, next: readonly Continuation[]): void {
    const old = target.texts
    if (old.length === 1 && next.length === 1) {
      old[0]!.tokens.push(next[0]!.token)
      return
    }
    target.texts = next.map(({ from, token }) => {
      const { tokens, blocks, computed } = old[from]!
      return { tokens: [...tokens, token], blocks: this.#blocks.fork(blocks), computed }
    })
    for (const { blocks } of old) this.#blocks.release(blocks)
    for (const { blocks, computed } of target.texts) {
      const copy = this.#blocks.own(blocks, computed)
      if (copy === undefined) throw this.#tooFewBlocks(target)
      if (copy) this.model.copyBlock(copy.from, copy.to)
    }
  }

  /** Ends a target: with an error, or well. Stops the step at work when nobody waits for it any more. */
  #finish(target: Target, error?: unknown): void {
    const ticket = this.#tickets.get(target)
    if (!ticket) return
    this.#tickets.delete(target)
    target.isDone = true
    for (const { blocks } of target.texts) this.#blocks.release(blocks)
    this.#blocks.release(target.sourceBlocks)
    this.#arrivals = this.#arrivals.filter(other => other !== target)
    for (const list of [this.#running, this.#waiting]) {
      const at = list.indexOf(target)
      if (at >= 0) list.splice(at, 1)
    }
    if (this.#batch?.slices.every(slice => slice.target.isDone)) this.#batch.controller.abort()
    ticket.detach()
    if (error === undefined) ticket.resolve()
    else ticket.reject(error)
  }

  #tooFewBlocks({ most, request: { width, mostTokens } }: Target): HenceError {
    return new HenceError(
      'OUT_OF_MEMORY',
      `${width} texts of up to ${mostTokens} tokens take up to ${most} blocks, there are ${this.#blocks.size}`,
      {
        blocks: this.#blocks.size,
        most,
        width,
        mostTokens,
        hint: 'Use fewer beams, a smaller maxTokens, or load with a smaller { context }.',
      },
    )
  }
}

/** Blocks that `width` texts of up to `tokens` may take beside each other, the copy of each's last block among them. */
function mostBlocks(width: number, tokens: number): number {
  return width * (blocksFor(tokens) + (width > 1 ? 1 : 0))
}

function aborted(signal: AbortSignal | undefined): HenceError {
  return new HenceError('ABORTED', 'the operation was aborted', { cause: signal?.reason })
}

function disposed(): HenceError {
  return new HenceError('DISPOSED', 'the model was disposed')
}
