import type { BatchLimits, BatchSlice } from './batch.ts'
import { BlockPool, blocksFor } from './kv-blocks.ts'
import { PrefixCache, type PrefixTraits, unseenBlocks } from './prefix-cache.ts'
import type { Sequence } from './sequence.ts'
import { StateSnapshots } from './state-snapshots.ts'
import { StepBudget } from './step-budget.ts'

/** A sequence's part of a step. */
export interface ScheduledSlice extends BatchSlice {
  readonly sequence: Sequence
}

/** What a scheduler needs to know of the model, and how it is to work. */
export interface SchedulerOptions extends Partial<PrefixTraits> {
  /** Sequences share the blocks of common beginnings; true by default. */
  readonly sharesPrefixes?: boolean
  /**
   * Copies the state in one slot over another; absent for models whose layers have no state. Slots beyond those of the sequences
   * are for snapshots; without any, nothing is shared.
   */
  readonly copyState?: ((from: number, to: number) => void) | undefined
  /** See {@link StepBudget}. */
  readonly stallMs?: number | undefined
}

/**
 * Decides what a step computes. There are no phases: every sequence catches up from its computed to its known tokens, as
 * far as the step's limits and the blocks go. Of running and of waiting sequences those with a higher priority come first,
 * then those that arrived earlier. Sequences with one token to go are in every step; prompts take what is left, no more than
 * {@link StepBudget} allows. A sequence is taken up when there are blocks for all its known tokens. When blocks run out, the
 * last one in order gives its own back and starts over later; its known tokens, the generated ones too, are kept, and what it
 * computed can be found by {@link PrefixCache} until the blocks are needed. A running sequence has a state slot of its own.
 */
export class Scheduler {
  readonly #limits: BatchLimits
  readonly #pool: BlockPool
  readonly #prefixes: PrefixCache | undefined
  readonly #budget: StepBudget
  readonly #traits: PrefixTraits
  readonly #copyState: SchedulerOptions['copyState']
  /** Both in order. */
  readonly #running: Sequence[] = []
  readonly #waiting: Sequence[] = []
  /** State slots no running sequence has. */
  readonly #freeSlots: number[]
  #arrivals = 0
  #preemptions = 0

  constructor(limits: BatchLimits, { longAfter = null, window = null, sharesPrefixes = true, copyState, stallMs }: SchedulerOptions = {}) {
    this.#limits = limits
    this.#pool = new BlockPool(limits.blocks)
    const { sequences, snapshots = 0 } = limits
    const kept = copyState && new StateSnapshots(Array.from({ length: snapshots }, (_, i) => sequences + i))
    const isPossible = !copyState || snapshots > 0
    this.#prefixes = sharesPrefixes && isPossible ? new PrefixCache(this.#pool, { longAfter, window }, kept) : undefined
    this.#copyState = copyState
    this.#budget = new StepBudget(stallMs)
    this.#traits = { longAfter, window }
    this.#freeSlots = Array.from({ length: sequences }, (_, i) => sequences - 1 - i)
  }

  get load(): SchedulerLoad {
    const { size: blocks, freeCount: freeBlocks, cachedCount: cachedBlocks, heldCount: heldBlocks } = this.#pool
    const { queries: prefixQueries = 0, hits: prefixHits = 0 } = this.#prefixes ?? {}
    const [running, waiting, preemptions] = [this.#running.length, this.#waiting.length, this.#preemptions]
    return { running, waiting, preemptions, blocks, freeBlocks, cachedBlocks, heldBlocks, prefixQueries, prefixHits }
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  add(sequence: Sequence): void {
    sequence.arrival = this.#arrivals++
    // Now, while a step is computed, rather than between two steps.
    this.#prefixes?.prepare(sequence)
    insert(this.#waiting, sequence)
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
    while (this.#admit()) {}
    const ongoing = this.#running.filter(({ pending }) => pending === 1)
    const step = new Step(this.#limits, ongoing.length > 0 ? this.#budget.promptTokens : this.#limits.tokens)
    for (const sequence of [...ongoing, ...this.#running.filter(({ pending }) => pending > 1)]) {
      // An earlier one may have taken its blocks.
      if (!this.#running.includes(sequence)) continue
      const count = step.countFor(sequence)
      if (count === 0 || !this.#reserve(sequence, count, step)) continue
      this.#prefixes?.wantSnapshot(sequence, sequence.computed + count)
      step.add(sequence, count)
    }
    return step.slices
  }

  /** A step of these slices took so long. */
  measured(slices: readonly ScheduledSlice[], ms: number): void {
    this.#budget.observe({ ms, promptTokens: slices.reduce((sum, { count }) => sum + (count > 1 ? count : 0), 0) })
  }

  /** The tokens of a sequence before `position` are computed. */
  computed(sequence: Sequence, position: number): void {
    sequence.computed = position
    this.#prefixes?.register(sequence)
    const unseen = unseenBlocks(position, this.#traits.window)
    this.#pool.trim(sequence.blocks, sequence.trimmed, unseen)
    sequence.trimmed = Math.max(sequence.trimmed, unseen)
  }

  /** A sequence goes on with a token. */
  push(sequence: Sequence, token: number): void {
    sequence.tokens.push(token)
    // All keys of a long sequence are turned in another way: none of those computed hold any more, though they do for others.
    if (sequence.tokens.length - 1 !== this.#traits.longAfter) return
    this.#setBack(sequence)
    sequence.keys.length = 0
  }

  /** Takes up the next sequence, or makes room for it; false when neither can be done. */
  #admit(): boolean {
    const sequence = this.#next()
    if (!sequence) return false
    if (this.#takeUp(sequence)) return true
    const lower = this.#running.filter(({ priority }) => priority < sequence.priority)
    const most = lower.reduce((sum, { blocks }) => sum + blocks.length, this.#pool.availableCount)
    if (lower.length === 0 || most < blocksFor(sequence.tokens.length)) return false
    this.#preempt(lower.at(-1)!)
    return true
  }

  /**
   * The sequence to take up next: of the highest priority, of the salt with the fewest running sequences, the first to arrive.
   * Those that had better wait for what a running one is about to compute are passed over.
   */
  #next(): Sequence | undefined {
    const first = this.#waiting[0]
    if (!first || (this.#freeSlots.length === 0 && this.#running.at(-1)!.priority >= first.priority)) return undefined
    const sharers = new Map<string | undefined, number>()
    for (const { salt } of this.#running) sharers.set(salt, (sharers.get(salt) ?? 0) + 1)
    const countOf = ({ salt }: Sequence): number => sharers.get(salt) ?? 0
    let best: Sequence | undefined
    let passedOver = 0
    for (const sequence of this.#waiting) {
      if (best && (sequence.priority < best.priority || countOf(best) === 0)) break
      if (best && countOf(sequence) >= countOf(best)) continue
      if (!this.#prefixes?.awaits(sequence)) best = sequence
      // More than run at once need not be looked at before some of them do.
      else if (++passedOver >= this.#limits.sequences) break
    }
    return best
  }

  /** Gives a sequence blocks for all its known tokens and a slot; false, with nothing changed, when there are too few. */
  #takeUp(sequence: Sequence): boolean {
    if (this.#freeSlots.length === 0) return false
    const { blocks, tokens } = sequence
    const state = this.#prefixes?.share(sequence)
    // A block is left for each of the others to grow into, else one would soon be set back again.
    const needed = blocksFor(tokens.length) - blocks.length + this.#running.length
    if (needed > this.#pool.availableCount || !this.#pool.extend(blocks, tokens.length)) {
      this.#release(sequence)
      return false
    }
    this.#waiting.splice(this.#waiting.indexOf(sequence), 1)
    insert(this.#running, sequence)
    sequence.stateSlot = this.#freeSlots.pop()!
    if (state !== undefined) this.#copyState!(state, sequence.stateSlot)
    this.#prefixes?.begin(sequence)
    return true
  }

  /** Gets blocks for the next `count` tokens, from the last in order that is not in the step when there are none. */
  #reserve(sequence: Sequence, count: number, step: Step): boolean {
    while (!this.#pool.extend(sequence.blocks, sequence.computed + count)) {
      const victim = this.#running.findLast(other => !step.has(other))!
      this.#preempt(victim)
      if (victim === sequence) return false
    }
    return true
  }

  #preempt(sequence: Sequence): void {
    this.#preemptions++
    this.#setBack(sequence)
  }

  /** A running sequence waits again, with nothing computed. */
  #setBack(sequence: Sequence): void {
    this.remove(sequence)
    insert(this.#waiting, sequence)
  }

  #release(sequence: Sequence): void {
    this.#prefixes?.end(sequence)
    this.#pool.release(sequence.blocks, sequence.trimmed)
    if (sequence.stateSlot >= 0) this.#freeSlots.push(sequence.stateSlot)
    sequence.stateSlot = -1
    sequence.computed = 0
    sequence.registered = 0
    sequence.trimmed = 0
  }
}

/** What a scheduler has to do and with what. Blocks are free, cached (found by what is in them) or held by sequences. */
export interface SchedulerLoad {
  readonly running: number
  readonly waiting: number
  /** Sequences that gave their blocks back to others, since the start. */
  readonly preemptions: number
  readonly blocks: number
  readonly freeBlocks: number
  readonly cachedBlocks: number
  readonly heldBlocks: number
  /** Tokens of all sequences that were taken up since the start, and how many of them others had computed. */
  readonly prefixQueries: number
  readonly prefixHits: number
}

/** Puts a sequence behind those with its priority that arrived before it. */
function insert(list: Sequence[], sequence: Sequence): void {
  const { priority, arrival } = sequence
  const before = list.findLastIndex(other => other.priority > priority || (other.priority === priority && other.arrival < arrival))
  list.splice(before + 1, 0, sequence)
}

/** A step being put together. */
class Step {
  readonly slices: ScheduledSlice[] = []
  readonly #members = new Set<Sequence>()
  #tokens: number
  #rows: number
  #promptTokens: number

  constructor({ tokens, rows }: BatchLimits, promptTokens: number) {
    this.#tokens = tokens
    this.#rows = rows
    this.#promptTokens = promptTokens
  }

  has(sequence: Sequence): boolean {
    return this.#members.has(sequence)
  }

  /** Tokens of a sequence that still fit into the step. */
  countFor(sequence: Sequence): number {
    const most = sequence.pending > 1 ? this.#promptTokens : 1
    let count = Math.min(sequence.pending, this.#tokens, most)
    const excess = sequence.rowCount(count) - this.#rows
    if (excess > 0) count -= excess
    return count
  }

  add(sequence: Sequence, count: number): void {
    const { tokens, computed: start, blocks, stateSlot, snapshot } = sequence
    const rowCount = sequence.rowCount(count)
    if (sequence.pending > 1) this.#promptTokens -= count
    this.slices.push({ sequence, tokens, start, count, rowCount, blocks, stateSlot, ...(snapshot ? { snapshot } : {}) })
    this.#members.add(sequence)
    this.#tokens -= count
    this.#rows -= rowCount
  }
}
