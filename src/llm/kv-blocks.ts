import { KV_BLOCK_TOKENS } from '../program/index.ts'

/** Blocks that hold `tokens` keys and values. */
export function blocksFor(tokens: number): number {
  return Math.ceil(tokens / KV_BLOCK_TOKENS)
}

/** The place of a position: its block times 16 plus the place inside. `blocks` is the sequence's table. */
export function slotOf(blocks: readonly number[], position: number): number {
  return blocks[Math.floor(position / KV_BLOCK_TOKENS)]! * KV_BLOCK_TOKENS + (position % KV_BLOCK_TOKENS)
}

/** The blocks of the key and value pools: which are free, and which a sequence holds. */
export class BlockPool {
  readonly size: number
  /** Taken from the end, so that the block freed last, still in the cache, is used first. */
  readonly #free: number[]

  constructor(size: number) {
    this.size = size
    this.#free = Array.from({ length: size }, (_, i) => size - 1 - i)
  }

  get freeCount(): number {
    return this.#free.length
  }

  /** Extends a sequence's table to `tokens` positions; false, with nothing changed, when there are too few free blocks. */
  extend(blocks: number[], tokens: number): boolean {
    const wanted = blocksFor(tokens) - blocks.length
    if (wanted > this.#free.length) return false
    for (let i = 0; i < wanted; i++) blocks.push(this.#free.pop()!)
    return true
  }

  /** Takes back all blocks of a table and empties it. */
  release(blocks: number[]): void {
    while (blocks.length > 0) this.#free.push(blocks.pop()!)
  }
}
