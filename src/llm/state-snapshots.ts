/**
 * Which slots of the pools of states hold snapshots: recurrent states as they were at the end of a block, found by the block's
 * key. The snapshot that was not used for longest makes room for a new one.
 */
export class StateSnapshots {
  readonly #free: number[]
  /** Longest unused first. */
  readonly #slotOf = new Map<string, number>()

  /** @param slots - that no sequence has its own state in */
  constructor(slots: readonly number[]) {
    this.#free = [...slots]
  }

  has(key: string): boolean {
    return this.#slotOf.has(key)
  }

  /** The slot of a snapshot, which counts as used. */
  find(key: string): number | undefined {
    const slot = this.#slotOf.get(key)
    if (slot === undefined) return undefined
    this.#slotOf.delete(key)
    this.#slotOf.set(key, slot)
    return slot
  }

  /** A slot to write a snapshot to; undefined when all are being written to. */
  take(): number | undefined {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const oldest = this.#slotOf.entries().next().value
    if (oldest) this.#slotOf.delete(oldest[0])
    return oldest?.[1]
  }

  /** A snapshot was written. */
  keep(key: string, slot: number): void {
    if (this.#slotOf.has(key)) this.give(slot)
    else this.#slotOf.set(key, slot)
  }

  /** A slot that was taken is not needed after all. */
  give(slot: number): void {
    this.#free.push(slot)
  }
}
