import { createHash } from 'node:crypto'
import { KV_BLOCK_TOKENS } from '../program/index.ts'
import type { BlockPool } from './kv-blocks.ts'
import type { Sequence } from './sequence.ts'
import type { StateSnapshots } from './state-snapshots.ts'

/** What of a model decides which keys and values are whose. */
export interface PrefixTraits {
  /** See `longAfter` of the configuration. */
  readonly longAfter: number | null
  /** Newest keys that a query of any layer sees, itself included; null when some layer sees all. */
  readonly window: number | null
}

/**
 * Lets sequences share the blocks of what they begin with. The contents of a full block depend on its tokens and on all before
 * it, so its key is a hash of its tokens and of the key of the block before it; the chain begins with the salt, and with
 * whether the sequence is one of the long ones whose keys are turned differently. A block gets its key when it is full and
 * computed, whoever computed it, prompt or answer. Source: the paging of Kwon et al. 2023; SHA-256, so that nobody can make up
 * tokens that are taken for others.
 */
export class PrefixCache {
  readonly #pool: BlockPool
  readonly #traits: PrefixTraits
  readonly #snapshots: StateSnapshots | undefined
  /** Keys that running sequences are going to register, by who will. */
  readonly #coming = new Map<string, Sequence>()
  /** Tokens of sequences that were taken up, and how many of these were found. */
  queries = 0
  hits = 0

  /**
   * @param traits - of the model
   * @param snapshots - where layers have states: a beginning is known up to a block whose state is kept
   */
  constructor(pool: BlockPool, traits: PrefixTraits, snapshots?: StateSnapshots) {
    this.#pool = pool
    this.#traits = traits
    this.#snapshots = snapshots
  }

  /** Finds out the keys of what a sequence begins with. */
  prepare(sequence: Sequence): void {
    this.#keys(sequence, fullBlocks(sequence.tokens.length))
  }

  /**
   * True while a running sequence, of no lower priority, is about to compute the block after those that could be shared now: it
   * had better be waited for.
   */
  awaits(sequence: Sequence): boolean {
    // Blocks come long before the state that belongs to them.
    if (this.#snapshots) return false
    const known = this.#known(sequence)
    const author = known < shareable(sequence) ? this.#coming.get(sequence.keys[known]!) : undefined
    return author !== undefined && author.priority >= sequence.priority
  }

  /**
   * Fills an empty table with the blocks that are known, as many as leave a row that is wanted to be computed.
   *
   * @returns the slot of the state at their end, where layers have states and something was known
   */
  share(sequence: Sequence): number | undefined {
    const known = this.#known(sequence)
    const { blocks, keys } = sequence
    const unseen = unseenBlocks(known * KV_BLOCK_TOKENS, this.#traits.window)
    for (let i = unseen; i < known; i++) this.#pool.share(blocks, keys[i]!)
    blocks.unshift(...new Array<number>(unseen).fill(blocks[0]!))
    sequence.trimmed = unseen
    sequence.registered = known
    sequence.computed = known * KV_BLOCK_TOKENS
    return known === 0 ? undefined : this.#snapshots?.find(keys[known - 1]!)
  }

  /** Wants the state at the end of the last block of a step's tokens to be kept, where that can be. */
  wantSnapshot(sequence: Sequence, end: number): void {
    // Before the newest token, since that is always computed, unless the step has only that one.
    const before = fullBlocks(Math.min(end, sequence.tokens.length - 1)) * KV_BLOCK_TOKENS
    const position = before > sequence.computed ? before : fullBlocks(end) * KV_BLOCK_TOKENS
    if (!this.#snapshots || position <= sequence.computed) return
    const key = this.#keys(sequence, fullBlocks(position))[fullBlocks(position) - 1]!
    const slot = this.#snapshots.has(key) ? undefined : this.#snapshots.take()
    if (slot !== undefined) sequence.snapshot = { token: position - 1, slot }
  }

  /** Blocks that need not be computed: those whose keys and values a query after them sees are all known. */
  #known(sequence: Sequence): number {
    const { window } = this.#traits
    const most = shareable(sequence)
    const keys = this.#keys(sequence, most)
    let known = 0
    /** Known blocks one after the other, up to block i. */
    let run = 0
    for (let i = 0; i < most; i++) {
      run = this.#pool.has(keys[i]!) ? run + 1 : 0
      if (run === 0 && window === null) break
      if (this.#snapshots?.has(keys[i]!) === false) continue
      if (i + 1 - run <= unseenBlocks((i + 1) * KV_BLOCK_TOKENS, window)) known = i + 1
    }
    return known
  }

  /**
   * Keys of the blocks after the known ones that would not have to be computed were they known, as many as there is room for. The
   * known ones count as used.
   */
  missing(sequence: Sequence): readonly string[] {
    const known = this.#known(sequence)
    // Ends go before beginnings.
    for (const key of sequence.keys.slice(0, known).reverse()) this.#pool.touch(key)
    const room = Math.max(0, this.#pool.availableCount - known)
    return sequence.keys.slice(known, Math.min(shareable(sequence), known + room))
  }

  /** A sequence whose table was filled is taken up: others may wait for what it is going to compute. */
  begin(sequence: Sequence): void {
    if (sequence.sharedTokens === undefined) {
      sequence.sharedTokens = sequence.computed
      this.queries += sequence.tokens.length
      this.hits += sequence.computed
    }
    const full = fullBlocks(sequence.tokens.length)
    const keys = this.#keys(sequence, full)
    for (let i = sequence.registered; i < full; i++)
      if (!this.#pool.has(keys[i]!) && !this.#coming.has(keys[i]!)) this.#coming.set(keys[i]!, sequence)
  }

  /** Gives keys to the blocks that have become full. @returns true when others may have waited for them */
  register(sequence: Sequence): boolean {
    const full = fullBlocks(sequence.computed)
    let wasComing = false
    for (; sequence.registered < full; sequence.registered++) {
      const key = this.#keys(sequence, full)[sequence.registered]!
      this.#pool.register(sequence.blocks[sequence.registered]!, key)
      if (this.#coming.delete(key)) wasComing = true
    }
    const { snapshot, keys } = sequence
    if (snapshot) this.#snapshots!.keep(keys[fullBlocks(snapshot.token + 1) - 1]!, snapshot.slot)
    sequence.snapshot = undefined
    return wasComing
  }

  /** A sequence gives its blocks back; nobody need wait for it. */
  end(sequence: Sequence): void {
    for (const key of sequence.keys) if (this.#coming.get(key) === sequence) this.#coming.delete(key)
    if (sequence.snapshot) this.#snapshots!.give(sequence.snapshot.slot)
    sequence.snapshot = undefined
  }

  /** The keys of a sequence's full blocks, at least of the first `count`. */
  #keys(sequence: Sequence, count: number): readonly string[] {
    const { keys, tokens, salt } = sequence
    const { longAfter } = this.#traits
    while (keys.length < count) {
      const before = keys.at(-1) ?? JSON.stringify([salt ?? null, longAfter !== null && tokens.length > longAfter])
      const begin = keys.length * KV_BLOCK_TOKENS
      const ids = Int32Array.from(tokens.slice(begin, begin + KV_BLOCK_TOKENS))
      keys.push(createHash('sha256').update(before).update(new Uint8Array(ids.buffer)).digest('base64'))
    }
    return keys
  }
}

/** Blocks at the beginning of a sequence of which the query at a position sees nothing; there are others in any case. */
export function unseenBlocks(position: number, window: number | null): number {
  const blocks = window === null ? 0 : Math.max(0, Math.floor((position - window + 1) / KV_BLOCK_TOKENS))
  // With a window of one token, the query's own.
  return Math.min(blocks, Math.max(0, Math.ceil(position / KV_BLOCK_TOKENS) - 1))
}

function fullBlocks(tokens: number): number {
  return Math.floor(tokens / KV_BLOCK_TOKENS)
}

/** Blocks that need not be computed, were their contents known. */
function shareable(sequence: Sequence): number {
  return fullBlocks(sequence.firstWanted)
}
