import type { BlockStore } from './block-store.ts'
import type { Decoder } from './decoder.ts'
import type { Scheduler } from './scheduler.ts'
import type { Sequence } from './sequence.ts'

/**
 * Keeps blocks that leave the prefix cache on disk, and brings them back for sequences that begin with them. A block that was
 * brought back is cached as if it had just been computed and given back, so that sequences share it as they share all others.
 */
export class DurablePrefixes {
  readonly #store: BlockStore
  readonly #decoder: Decoder
  readonly #scheduler: Scheduler
  /** Settles when the last sequence that waits for the disk had its turn. */
  #turn: Promise<void> = Promise.resolve()

  constructor(store: BlockStore, decoder: Decoder, scheduler: Scheduler) {
    this.#store = store
    this.#decoder = decoder
    this.#scheduler = scheduler
  }

  /** A cached block is about to be used for something else. */
  keep(block: number, key: string): void {
    this.#store.write(key, content => this.#decoder.readBlock(block, content))
  }

  /**
   * Brings back what a sequence that is not scheduled yet begins with; undefined when nothing of it is on disk. One sequence after the
   * other: of many at once each would push out of the cache what the others wait for.
   */
  restore(sequence: Sequence): Promise<void> | undefined {
    if (this.#stored(sequence).length === 0) return undefined
    const turn = this.#turn.then(() => this.#restore(sequence))
    // What fails for one sequence does not fail for those after it.
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** What a sequence lacks and is on disk, as far as there is no gap: what comes after a block is of no use without it. */
  #stored(sequence: Sequence): readonly string[] {
    const missing = this.#scheduler.missing(sequence)
    const end = missing.findIndex(key => !this.#store.has(key))
    return end < 0 ? missing : missing.slice(0, end)
  }

  async #restore(sequence: Sequence): Promise<void> {
    for (const key of this.#stored(sequence)) {
      if (sequence.isDone) return
      const content = await this.#store.read(key)
      if (!content) return
      // No step at work reads or writes a block that nobody holds.
      const block = this.#scheduler.adopt(key)
      if (block !== undefined) this.#decoder.writeBlock(block, content)
    }
  }

  /** Keeps all cached blocks, and waits for the disk. No sequence is left. */
  async close(): Promise<void> {
    await this.#turn
    for (const [block, key] of this.#scheduler.cachedBlocks()) {
      this.keep(block, key)
      await this.#store.flush()
    }
  }
}
