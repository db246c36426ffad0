import type { BatchLimits, BatchSlice } from './batch.ts'
import { BlockPool } from './kv-blocks.ts'
import type { Sequence } from './sequence.ts'

/** A sequence's part of a step. */
export interface ScheduledSlice extends BatchSlice {
  readonly sequence: Sequence
}

/**
 * Decides what a step computes. There are no phases: every sequence catches up from its computed to its known tokens, as
 * far as the step's limits and the blocks go. Sequences with one token to go come first, then prompts in order of
 * arrival, then waiting sequences, first come, first served. When blocks run out, the newest sequence gives its own back
 * and starts over later; its known tokens, the generated ones too, are kept. A running sequence has a state slot of its own.
 */
export class Scheduler {
  readonly #limits: BatchLimits
  readonly #pool: BlockPool
  /** In order of arrival. */
  readonly #running: Sequence[] = []
  /** State slots no running sequence has. */
  readonly #freeSlots: number[]
  readonly #waiting: Sequence[] = []

  constructor(limits: BatchLimits) {
    this.#limits = limits
    this.#pool = new BlockPool(limits.blocks)
    this.#freeSlots = Array.from({ length: limits.sequences }, (_, i) => limits.sequences - 1 - i)
  }

  get runningCount(): number {
    return this.#running.length
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  get freeBlocks(): number {
    return this.#pool.freeCount
  }

  add(sequence: Sequence): void {
    this.#waiting.push(sequence)
  }

  /** Forgets a sequence and frees its blocks. */
  remove(sequence: Sequence): void {
    this.#release(sequence)
    for (const list of [this.#running, this.#waiting]) {
      const at = list.indexOf(sequence)
      if (at >= 0) list.splice(at, 1)
    }
  }

  /** The slices of the next step; none when there is nothing to do. */
  schedule(): ScheduledSlice[] {
    const step = new Step(this.#limits)
    let isCrowded = false
    const ordered = [...this.#running.filter(s => s.pending === 1), ...this.#running.filter(s => s.pending > 1)]
    for (const sequence of ordered) {
      // An earlier one may have taken its blocks.
      if (!this.#running.includes(sequence)) continue
      const count = step.countFor(sequence)
      if (count === 0) continue
      if (this.#reserve(sequence, count, step)) step.add(sequence, count)
      else isCrowded = true
    }
    while (!isCrowded && this.#running.length < this.#limits.sequences && this.#admit(step)) {}
    return step.slices
  }

  /** Takes up the sequence that waits longest, when the blocks for all its known tokens are free. */
  #admit(step: Step): boolean {
    const sequence = this.#waiting[0]
    if (!sequence) return false
    const count = step.countFor(sequence)
    if (count === 0 || !this.#pool.extend(sequence.blocks, sequence.tokens.length)) return false
    this.#waiting.shift()
    sequence.stateSlot = this.#freeSlots.pop()!
    this.#running.push(sequence)
    step.add(sequence, count)
    return true
  }

  /** Gets blocks for the next `count` tokens, from the newest sequence that is not in the step when none are free. */
  #reserve(sequence: Sequence, count: number, step: Step): boolean {
    while (!this.#pool.extend(sequence.blocks, sequence.computed + count)) {
      const victim = this.#running.findLast(other => other !== sequence && !step.has(other))
      if (!victim) return false
      this.#running.splice(this.#running.indexOf(victim), 1)
      this.#release(victim)
      victim.computed = 0
      this.#waiting.unshift(victim)
    }
    return true
  }

  #release(sequence: Sequence): void {
    this.#pool.release(sequence.blocks)
    if (sequence.stateSlot >= 0) this.#freeSlots.push(sequence.stateSlot)
    sequence.stateSlot = -1
  }
}

/** A step being put together. */
class Step {
  readonly slices: ScheduledSlice[] = []
  readonly #members = new Set<Sequence>()
  #tokens: number
  #rows: number

  constructor({ tokens, rows }: BatchLimits) {
    this.#tokens = tokens
    this.#rows = rows
  }

  has(sequence: Sequence): boolean {
    return this.#members.has(sequence)
  }

  /** Tokens of a sequence that still fit into the step. */
  countFor(sequence: Sequence): number {
    let count = Math.min(sequence.pending, this.#tokens)
    const excess = sequence.rowCount(count) - this.#rows
    if (excess > 0) count -= excess
    return count
  }

  add(sequence: Sequence, count: number): void {
    const { tokens, computed: start, blocks, stateSlot } = sequence
    const rowCount = sequence.rowCount(count)
    this.slices.push({ sequence, tokens, start, count, rowCount, blocks, stateSlot })
    this.#members.add(sequence)
    this.#tokens -= count
    this.#rows -= rowCount
  }
}
