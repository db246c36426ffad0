import { KV_BLOCK_TOKENS } from '../../program/index.ts'
import { BlockPool, blocksFor } from '../kv-blocks.ts'

/** The blocks of the pools where several tables may hold one block, until one of them writes to it. */
export class SharedBlocks {
  readonly #pool: BlockPool
  /** Tables that hold each block. */
  readonly #users: Uint32Array

  constructor(size: number) {
    this.#pool = new BlockPool(size)
    this.#users = new Uint32Array(size)
  }

  get size(): number {
    return this.#pool.size
  }

  get freeCount(): number {
    return this.#pool.freeCount
  }

  /** Extends a table to `tokens` positions; false, with nothing changed, when there are too few free blocks. */
  extend(blocks: number[], tokens: number): boolean {
    const known = blocks.length
    if (!this.#pool.extend(blocks, tokens)) return false
    for (const block of blocks.slice(known)) this.#users[block] = 1
    return true
  }

  /** Another table of the same blocks. */
  fork(blocks: readonly number[]): number[] {
    for (const block of blocks) this.#users[block]!++
    return [...blocks]
  }

  /** Takes back all blocks of a table and empties it; those that others hold stay theirs. */
  release(blocks: number[]): void {
    const freed = blocks.filter(block => --this.#users[block]! === 0)
    blocks.length = 0
    this.#pool.release(freed)
  }

  /**
   * Makes the block in which position `tokens` goes the table's own.
   *
   * @returns the block to copy from and to; `null` where there is nothing to copy, undefined when no block is free
   */
  own(blocks: number[], tokens: number): { readonly from: number; readonly to: number } | null | undefined {
    const index = Math.floor(tokens / KV_BLOCK_TOKENS)
    const from = blocks[index]
    if (from === undefined || this.#users[from] === 1) return null
    const fresh: number[] = []
    if (!this.#pool.extend(fresh, 1)) return undefined
    const to = fresh[0]!
    this.#users[from]!--
    this.#users[to] = 1
    blocks[index] = to
    return { from, to }
  }
}

/** Blocks that `width` targets of up to `tokens` may take beside each other, the copy of each's last block among them. */
export function mostBlocks(width: number, tokens: number): number {
  return width * (blocksFor(tokens) + (width > 1 ? 1 : 0))
}
