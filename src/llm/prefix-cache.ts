import { createHash } from 'node:crypto'
import { KV_BLOCK_TOKENS } from '../program/index.ts'
import type { BlockPool } from './kv-blocks.ts'
import type { Sequence } from './sequence.ts'

/**
 * Lets sequences share the blocks of what they begin with. The contents of a full block depend on its tokens and on all before
 * it, so its key is a hash of its tokens and of the key of the block before it; the chain begins with the salt, and with
 * whether the sequence is one of the long ones whose keys are turned differently. A block gets its key when it is full and
 * computed, whoever computed it, prompt or answer. Source: the paging of Kwon et al. 2023; SHA-256, so that nobody can make up
 * tokens that are taken for others.
 */
export class PrefixCache {
  readonly #pool: BlockPool
  readonly #longAfter: number | null
  /** Keys that running sequences are going to register, by who will. */
  readonly #coming = new Map<string, Sequence>()
  /** Tokens of sequences that were taken up, and how many of these were found. */
  queries = 0
  hits = 0

  /** @param longAfter - see `longAfter` of the configuration */
  constructor(pool: BlockPool, longAfter: number | null) {
    this.#pool = pool
    this.#longAfter = longAfter
  }

  /**
   * True while a running sequence, of no lower priority, is about to compute the block after those that could be shared now: it
   * had better be waited for.
   */
  awaits(sequence: Sequence): boolean {
    const keys = this.#keys(sequence, shareable(sequence))
    const missing = keys.find(key => !this.#pool.has(key))
    const author = missing === undefined ? undefined : this.#coming.get(missing)
    return author !== undefined && author.priority >= sequence.priority
  }

  /** Fills an empty table with the blocks that are known, as many as leave a row that is wanted to be computed. */
  share(sequence: Sequence): void {
    for (const key of this.#keys(sequence, shareable(sequence))) if (!this.#pool.share(sequence.blocks, key)) break
    sequence.registered = sequence.blocks.length
    sequence.computed = sequence.registered * KV_BLOCK_TOKENS
  }

  /** A sequence whose table was filled is taken up: others may wait for what it is going to compute. */
  begin(sequence: Sequence): void {
    if (sequence.sharedTokens === undefined) {
      sequence.sharedTokens = sequence.computed
      this.queries += sequence.tokens.length
      this.hits += sequence.computed
    }
    for (const key of this.#keys(sequence, fullBlocks(sequence.tokens.length)))
      if (!this.#pool.has(key) && !this.#coming.has(key)) this.#coming.set(key, sequence)
  }

  /** Gives keys to the blocks that have become full. */
  register(sequence: Sequence): void {
    const full = fullBlocks(sequence.computed)
    for (; sequence.registered < full; sequence.registered++) {
      const key = this.#keys(sequence, full)[sequence.registered]!
      this.#pool.register(sequence.blocks[sequence.registered]!, key)
      this.#coming.delete(key)
    }
  }

  /** A sequence gives its blocks back; nobody need wait for it. */
  end(sequence: Sequence): void {
    for (const key of sequence.keys) if (this.#coming.get(key) === sequence) this.#coming.delete(key)
  }

  /** The keys of a sequence's first `count` blocks, all of them full. */
  #keys(sequence: Sequence, count: number): readonly string[] {
    const { keys, tokens, salt } = sequence
    while (keys.length < count) {
      const before = keys.at(-1) ?? JSON.stringify([salt ?? null, this.#longAfter !== null && tokens.length > this.#longAfter])
      const begin = keys.length * KV_BLOCK_TOKENS
      const ids = Int32Array.from(tokens.slice(begin, begin + KV_BLOCK_TOKENS))
      keys.push(createHash('sha256').update(before).update(new Uint8Array(ids.buffer)).digest('base64'))
    }
    return count < keys.length ? keys.slice(0, count) : keys
  }
}

function fullBlocks(tokens: number): number {
  return Math.floor(tokens / KV_BLOCK_TOKENS)
}

/** Blocks that need not be computed, were their contents known. */
function shareable(sequence: Sequence): number {
  return fullBlocks(sequence.firstWanted)
}
