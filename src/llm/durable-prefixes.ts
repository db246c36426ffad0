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
  /** Blocks on their way, by key: sequences that begin alike wait for the same ones. */
  readonly #coming = new Map<string, Promise<boolean>>()

  constructor(store: BlockStore, decoder: Decoder, scheduler: Scheduler) {
    this.#store = store
    this.#decoder = decoder
    this.#scheduler = scheduler
  }

  /** A cached block is about to be used for something else. */
  keep(block: number, key: string): void {
    this.#store.write(key, content => this.#decoder.readBlock(block, content))
  }

  /** Brings back what a sequence that is not scheduled yet begins with; undefined when nothing of it is on disk. */
  restore(sequence: Sequence): Promise<void> | undefined {
    const missing = this.#scheduler.missing(sequence)
    const end = missing.findIndex(key => !this.#store.has(key))
    const stored = end < 0 ? missing : missing.slice(0, end)
    return stored.length > 0 ? this.#restore(sequence, stored) : undefined
  }

  async #restore(sequence: Sequence, keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      if (sequence.isDone) return
      const coming = this.#coming.get(key) ?? this.#bring(key)
      this.#coming.set(key, coming)
      // What comes after a block is of no use without it.
      if (!(await coming)) return
    }
  }

  async #bring(key: string): Promise<boolean> {
    try {
      const content = await this.#store.read(key)
      if (!content) return false
      // No step at work reads or writes a block that nobody holds.
      const block = this.#scheduler.adopt(key)
      if (block !== undefined) this.#decoder.writeBlock(block, content)
      return true
    } finally {
      this.#coming.delete(key)
    }
  }

  /** Keeps all cached blocks, and waits for the disk. No sequence is left. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#coming.values())
    for (const [block, key] of this.#scheduler.cachedBlocks()) {
      this.keep(block, key)
      await this.#store.flush()
    }
  }
}
