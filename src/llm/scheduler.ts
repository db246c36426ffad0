import type { BatchLimits, BatchSlice } from './batch.ts'
import { BlockPool, blocksFor, type EvictionHandler } from './kv-blocks.ts'
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
  /** Told of cached blocks before they are used for something else. */
  readonly onEvict?: EvictionHandler | undefined
}

/**
 * Decides what a step computes. There are no phases: every sequence catches up from its computed to its known tokens, as
 * far as the step's limits and the blocks go. Of running and of waiting sequences those with a higher priority come first,
 * then those that arrived earlier. Sequences with one token to go are in every step; prompts take what is left, no more than
 * {@link StepBudget} allows. A sequence is taken up when there are blocks for all its known tokens. When blocks run out, the
 * last one in order gives its own back and starts over later; its known tokens, the generated ones too, are kept, and what it
 * computed can be found by {@link PrefixCache} until the blocks are needed. A running sequence has a state slot of its own.
 *
 * While a step is at work, from `begin` to `end`, the next one is chosen as if each sequence in it went on. Nobody's blocks are
 * given to others before the step that may write to them is over.
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
  /** Sequences in the step at work. */
  #atWork: readonly Sequence[] = []
  /** Those of them that were removed meanwhile. */
  readonly #leaving: Sequence[] = []
  /** Who was chosen for the next step, with how many tokens; undefined when that is to be chosen once the step at work is over. */
  #plan: Step | undefined
  /** State slots no running sequence has. */
  readonly #freeSlots: number[]
  #arrivals = 0
  #preemptions = 0

  constructor(limits: BatchLimits, options: SchedulerOptions = {}) {
    const { longAfter = null, window = null, sharesPrefixes = true, copyState, stallMs, onEvict } = options
    this.#limits = limits
    this.#pool = new BlockPool(limits.blocks, onEvict)
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

  /** True while there are sequences. */
  get hasWork(): boolean {
    return this.#running.length + this.#waiting.length > 0
  }

  /** Cached blocks with the keys of their contents, the one used last first. */
  cachedBlocks(): BlockPool['cached'] {
    return this.#pool.cached
  }

  /** See {@link BlockPool.adopt}. */
  adopt(key: string): number | undefined {
    return this.#pool.adopt(key)
  }

  /** Gives a sequence its place in the order of arrival. @returns the keys of the blocks it lacks; see {@link PrefixCache.missing} */
  missing(sequence: Sequence): readonly string[] {
    this.#prepare(sequence)
    return this.#prefixes?.missing(sequence) ?? []
  }

  #prepare(sequence: Sequence): void {
    if (sequence.arrival >= 0) return
    sequence.arrival = this.#arrivals++
    // Now, while a step is computed, rather than between two steps.
    this.#prefixes?.prepare(sequence)
  }

  add(sequence: Sequence): void {
    this.#prepare(sequence)
    insert(this.#waiting, sequence)
    this.#plan = undefined
  }

  /** Forgets a sequence and frees its blocks, as soon as no step writes to them. */
  remove(sequence: Sequence): void {
    const list = [this.#running, this.#waiting].find(one => one.includes(sequence))
    if (!list) return
    list.splice(list.indexOf(sequence), 1)
    if (sequence.atWork > 0) this.#leaving.push(sequence)
    else this.#release(sequence)
    // There may be room now.
    if (this.#waiting.length > 0) this.#plan = undefined
  }

  /** The slices of the next step; none when there is nothing to do. No step is at work. */
  schedule(): ScheduledSlice[] {
    const { counts } = this.#plan ?? this.#choose()
    this.#plan = undefined
    // Who ended since then has no slot any more.
    return [...counts].filter(([{ stateSlot }]) => stateSlot >= 0).map(([sequence, count]) => this.#slice(sequence, count))
  }

  /** These slices are at work from now on, until `end`; what follows them is chosen as far as that can be told. Never fails. */
  begin(slices: readonly ScheduledSlice[]): void {
    for (const { sequence, count } of slices) {
      sequence.atWork = count
      sequence.expected = sequence.pending === 0 ? 1 : 0
    }
    this.#atWork = slices.map(({ sequence }) => sequence)
    try {
      const step = this.#choose()
      this.#plan = step.isShort ? undefined : step
    } catch {
      // Met again, and told, when the next step is scheduled.
    }
  }

  /** The step at work is over, whatever came of it. */
  end(): void {
    for (const sequence of this.#atWork) {
      sequence.atWork = 0
      sequence.expected = 0
    }
    this.#atWork = []
    for (const sequence of this.#leaving.splice(0)) this.#release(sequence)
  }

  /** A step of these slices took so long. */
  measured(slices: readonly ScheduledSlice[], ms: number): void {
    this.#budget.observe({ ms, promptTokens: slices.reduce((sum, { count }) => sum + (count > 1 ? count : 0), 0) })
  }

  /** The tokens of a sequence before `position` are computed. */
  computed(sequence: Sequence, position: number): void {
    sequence.computed = position
    // Who waits for them goes on in the next step.
    if (this.#prefixes?.register(sequence) && this.#waiting.length > 0) this.#plan = undefined
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

  /** Who is in the next step. */
  #choose(): Step {
    const step = new Step(this.#limits)
    while (this.#admit(step)) {}
    const ongoing = this.#running.filter(({ pending }) => pending === 1)
    if (ongoing.length > 0) step.promptTokens = this.#budget.promptTokens
    for (const sequence of [...ongoing, ...this.#running.filter(({ pending }) => pending > 1)]) {
      // An earlier one may have taken its blocks.
      if (!this.#running.includes(sequence)) continue
      const count = step.countFor(sequence)
      if (count > 0 && this.#reserve(sequence, count, step)) step.add(sequence, count)
    }
    return step
  }

  #slice(sequence: Sequence, count: number): ScheduledSlice {
    this.#prefixes?.wantSnapshot(sequence, sequence.computed + count)
    const { tokens, computed: start, blocks, stateSlot, snapshot } = sequence
    return { sequence, tokens, start, count, rowCount: sequence.rowCount(count), blocks, stateSlot, ...(snapshot ? { snapshot } : {}) }
  }

  /** Takes up the next sequence, or makes room for it; false when neither can be done. */
  #admit(step: Step): boolean {
    const sequence = this.#next()
    if (!sequence) return false
    if (this.#takeUp(sequence)) return true
    const lower = this.#running.filter(({ priority }) => priority < sequence.priority)
    const most = lower.reduce((sum, { blocks }) => sum + blocks.length, this.#pool.availableCount)
    if (lower.length === 0 || most < blocksFor(sequence.tokens.length)) return false
    return this.#preempt(lower.at(-1)!, step)
  }

  /**
   * The sequence to take up next: of the highest priority, of the salt with the fewest running sequences, the first to arrive.
   * Those that had better wait for what a running one is about to compute are passed over.
   */
  #next(): Sequence | undefined {
    const first = this.#waiting[0]
    if (!first || (this.#freeSlots.length === 0 && !this.#running.some(({ priority }) => priority < first.priority))) return undefined
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
    while (!this.#pool.extend(sequence.blocks, sequence.reached + count)) {
      const victim = this.#running.findLast(other => !step.counts.has(other))!
      if (!this.#preempt(victim, step) || victim === sequence) return false
    }
    return true
  }

  /** Takes the blocks of a sequence for a step; false while they may be written to. */
  #preempt(sequence: Sequence, step: Step): boolean {
    step.isShort = this.#atWork.length > 0
    if (step.isShort) return false
    this.#preemptions++
    this.#setBack(sequence)
    return true
  }

  /** A running sequence waits again, with nothing computed. */
  #setBack(sequence: Sequence): void {
    this.remove(sequence)
    insert(this.#waiting, sequence)
    this.#plan = undefined
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
  /** Who is in it, with how many tokens. */
  readonly counts: Map<Sequence, number> = new Map()
  /** Tokens of prompts that still fit. */
  promptTokens: number
  /** Somebody is left out for want of blocks that others may have to give back. */
  isShort = false
  #tokens: number
  #rows: number

  constructor({ tokens, rows }: BatchLimits) {
    this.#tokens = tokens
    this.#rows = rows
    this.promptTokens = tokens
  }

  /** Tokens of a sequence that still fit into the step. */
  countFor(sequence: Sequence): number {
    const most = sequence.pending > 1 ? this.promptTokens : 1
    let count = Math.min(sequence.pending, this.#tokens, most)
    const excess = sequence.rowCount(count) - this.#rows
    if (excess > 0) count -= excess
    return count
  }

  add(sequence: Sequence, count: number): void {
    this.counts.set(sequence, count)
    if (sequence.pending > 1) this.promptTokens -= count
    this.#tokens -= count
    this.#rows -= sequence.rowCount(count)
  }
}
