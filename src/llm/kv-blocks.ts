import { KV_BLOCK_TOKENS } from '../program/index.ts'

/** Blocks that hold `tokens` keys and values. */
export function blocksFor(tokens: number): number {
  return Math.ceil(tokens / KV_BLOCK_TOKENS)
}

/** The place of a position: its block times 16 plus the place inside. `blocks` is the sequence's table. */
export function slotOf(blocks: readonly number[], position: number): number {
  return blocks[Math.floor(position / KV_BLOCK_TOKENS)]! * KV_BLOCK_TOKENS + (position % KV_BLOCK_TOKENS)
}

/** Is told that the contents of a block, known by a key, are about to go. */
export type EvictionHandler = (block: number, key: string) => void

/**
 * The blocks of the key and value pools. Each is held by one or more tables; or cached: no table holds it, and what is in it
 * can be found by its key until the block is needed; or free.
 */
export class BlockPool {
  readonly size: number
  /** Taken from the end, so that the block freed last, still in the processor's cache, is used first. */
  readonly #free: number[]
  /** Tables that hold each block. */
  readonly #holders: Uint32Array
  /** Blocks no table holds whose contents have a key, longest unused first. */
  readonly #cached = new Set<number>()
  /** Blocks by the key of their contents, held or cached, and the other way round. */
  readonly #blockOf = new Map<string, number>()
  readonly #keyOf = new Map<number, string>()
  readonly #onEvict: EvictionHandler | undefined

  /** @param onEvict - told of contents with a key before the block is used for something else */
  constructor(size: number, onEvict?: EvictionHandler) {
    this.size = size
    this.#onEvict = onEvict
    this.#free = Array.from({ length: size }, (_, i) => size - 1 - i)
    this.#holders = new Uint32Array(size)
  }

  /** Blocks with nothing in them. */
  get freeCount(): number {
    return this.#free.length
  }

  /** Blocks no table holds that are found by their keys. */
  get cachedCount(): number {
    return this.#cached.size
  }

  /** Blocks in tables. */
  get heldCount(): number {
    return this.#holders.reduce((sum, holders) => sum + Math.min(holders, 1), 0)
  }

  /** Blocks a table can be given: free and cached ones. */
  get availableCount(): number {
    return this.#free.length + this.#cached.size
  }

  /** Extends a table to `tokens` positions; false, with nothing changed, when there are too few blocks. */
  extend(blocks: number[], tokens: number): boolean {
    const wanted = blocksFor(tokens) - blocks.length
    if (wanted > this.availableCount) return false
    for (let i = 0; i < wanted; i++) blocks.push(this.#take())
    return true
  }

  /** Cached blocks with the keys of their contents, the one used last first. */
  get cached(): readonly (readonly [block: number, key: string])[] {
    return [...this.#cached].reverse().map(block => [block, this.#keyOf.get(block)!])
  }

  /** A cached block for contents that were computed before, to be written to it at once; undefined when they are known or no block is left. */
  adopt(key: string): number | undefined {
    if (this.#blockOf.has(key) || this.availableCount === 0) return undefined
    const block = this.#take()
    this.register(block, key)
    this.#give(block)
    return block
  }

  /** The contents with this key count as used now. */
  touch(key: string): void {
    const block = this.#blockOf.get(key)
    if (block !== undefined && this.#cached.delete(block)) this.#cached.add(block)
  }

  /** True when the contents with this key are in a block. */
  has(key: string): boolean {
    return this.#blockOf.has(key)
  }

  /** Extends a table by the block whose contents have this key; false when there is none. */
  share(blocks: number[], key: string): boolean {
    const block = this.#blockOf.get(key)
    if (block === undefined) return false
    this.#cached.delete(block)
    this.#holders[block]!++
    blocks.push(block)
    return true
  }

  /** Gives a key to what is in a held block, which nobody writes to from now on. A key that is known stays where it is. */
  register(block: number, key: string): void {
    if (this.#blockOf.has(key) || this.#keyOf.has(block)) return
    this.#blockOf.set(key, block)
    this.#keyOf.set(block, key)
  }

  /** Another table of the same blocks. */
  fork(blocks: readonly number[]): number[] {
    for (const block of blocks) this.#holders[block]!++
    return [...blocks]
  }

  /**
   * Makes the block in which position `tokens` goes the table's own.
   *
   * @returns the block to copy from and to; `null` where there is nothing to copy, undefined when no block is left
   */
  own(blocks: number[], tokens: number): { readonly from: number; readonly to: number } | null | undefined {
    const index = Math.floor(tokens / KV_BLOCK_TOKENS)
    const from = blocks[index]
    if (from === undefined || this.#holders[from] === 1) return null
    if (this.availableCount === 0) return undefined
    const to = this.#take()
    this.#holders[from]!--
    blocks[index] = to
    return { from, to }
  }

  /**
   * Takes back the blocks `from .. to` of a table, which nobody reads any more through it, nor those before. In all their places
   * the table has the block `to`, so that whoever looks at more than it needs finds numbers of its own.
   */
  trim(blocks: number[], from: number, to: number): void {
    if (from >= to) return
    for (const block of blocks.slice(from, to)) this.#give(block)
    blocks.fill(blocks[to]!, 0, to)
  }

  /** Takes back all blocks of a table, of which the first ones were trimmed, and empties it; those that others hold stay theirs. */
  release(blocks: number[], trimmed = 0): void {
    // From the end: of a beginning that is cached, its end is the first to go, since it is of no use without the rest.
    while (blocks.length > trimmed) this.#give(blocks.pop()!)
    blocks.length = 0
  }

  #give(block: number): void {
    if (--this.#holders[block]! > 0) return
    if (this.#keyOf.has(block)) this.#cached.add(block)
    else this.#free.push(block)
  }

  /** A free block, else the cached one that was not used for longest. */
  #take(): number {
    const block = this.#free.pop() ?? this.#evict()
    this.#holders[block] = 1
    return block
  }

  #evict(): number {
    const block = this.#cached.values().next().value!
    const key = this.#keyOf.get(block)!
    this.#onEvict?.(block, key)
    this.#cached.delete(block)
    this.#blockOf.delete(key)
    this.#keyOf.delete(block)
    return block
  }
}
