import { HASH_SEED } from './hash-seed.ts'
import type { TextIndex } from './text-index.ts'
import { symbolText, type Vocabulary } from './vocabulary.ts'

/** Slots of the memo at first and at most; at three quarters it doubles or, at most, starts anew. */
const FIRST_SLOTS = 1 << 12
const MAX_SLOTS = 1 << 20

/** What a pair of neighbouring symbols becomes. */
export interface Merge {
  /** Lower merges first. */
  readonly priority: number
  readonly id: number
}

/**
 * Which pairs of symbols merge, and in what order. Pairs are resolved by text when first met and remembered by
 * number, so that a vocabulary is ready as soon as its strings are, and warm lookups touch no string.
 */
export class MergeRules {
  readonly #resolve: (left: number, right: number) => Merge | undefined
  #mask = FIRST_SLOTS - 1
  #used = 0
  /** Left and right symbol of each slot, left + 1 so that 0 is an empty slot. */
  #pairs = new Int32Array(2 * FIRST_SLOTS)
  /** Symbol that the pair of each slot becomes, -1 when it does not merge. */
  merged: Int32Array = new Int32Array(FIRST_SLOTS)
  /** Priority of the pair of each slot; lower merges first, Infinity when it does not merge. */
  priority: Float64Array = new Float64Array(FIRST_SLOTS)

  private constructor(resolve: (left: number, right: number) => Merge | undefined) {
    this.#resolve = resolve
  }

  /**
   * Pairs merge in the order of a list.
   *
   * @param ranks - position of each merge by its two texts joined by `separator`
   * @param skip - code units that the merged text drops from the start of the right one
   */
  static byRank(vocabulary: Vocabulary, ranks: TextIndex, separator: string, skip = 0): MergeRules {
    return new MergeRules((left, right) => {
      const leftText = symbolText(vocabulary, left)
      const rightText = symbolText(vocabulary, right)
      const priority = ranks.get(leftText + separator + rightText)
      if (priority === undefined) return undefined
      const id = vocabulary.ids.get(leftText + rightText.slice(skip))
      return id === undefined ? undefined : { priority, id }
    })
  }

  /** Pairs merge when their joined text is a token, the one with the highest score first. */
  static byScore(vocabulary: Vocabulary, scores: ArrayLike<number>): MergeRules {
    return new MergeRules((left, right) => {
      const id = vocabulary.ids.get(symbolText(vocabulary, left) + symbolText(vocabulary, right))
      return id === undefined ? undefined : { priority: -(scores[id] ?? 0), id }
    })
  }

  /** Slot of a pair in {@link merged} and {@link priority}, valid until the next call. */
  find(left: number, right: number): number {
    const pairs = this.#pairs
    let slot = hash(left, right) & this.#mask
    for (;;) {
      const key = pairs[2 * slot]!
      if (key === left + 1 && pairs[2 * slot + 1] === right) return slot
      if (key === 0) return this.#learn(left, right)
      slot = (slot + 1) & this.#mask
    }
  }

  #learn(left: number, right: number): number {
    if (4 * (this.#used + 1) > 3 * (this.#mask + 1)) this.#makeRoom()
    const merge = this.#resolve(left, right)
    return this.#insert(left, right, merge?.id ?? -1, merge?.priority ?? Infinity)
  }

  #insert(left: number, right: number, id: number, priority: number): number {
    let slot = hash(left, right) & this.#mask
    while (this.#pairs[2 * slot] !== 0) slot = (slot + 1) & this.#mask
    this.#pairs[2 * slot] = left + 1
    this.#pairs[2 * slot + 1] = right
    this.merged[slot] = id
    this.priority[slot] = priority
    this.#used++
    return slot
  }

  #makeRoom(): void {
    const { merged, priority } = this
    const pairs = this.#pairs
    const isFull = merged.length >= MAX_SLOTS
    const slots = isFull ? merged.length : 2 * merged.length
    this.#mask = slots - 1
    this.#used = 0
    this.#pairs = new Int32Array(2 * slots)
    this.merged = new Int32Array(slots)
    this.priority = new Float64Array(slots)
    if (isFull) return
    for (let slot = 0; slot < merged.length; slot++) {
      if (pairs[2 * slot] !== 0) this.#insert(pairs[2 * slot]! - 1, pairs[2 * slot + 1]!, merged[slot]!, priority[slot]!)
    }
  }
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left ^ Math.imul(right ^ HASH_SEED, 0x85ebca6b), 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}
