import { expect } from 'vitest'
import { slotOf } from '../src/llm/kv-blocks.ts'
import type { PrefixTraits } from '../src/llm/prefix-cache.ts'
import type { ScheduledSlice } from '../src/llm/scheduler.ts'
import type { Sequence } from '../src/llm/sequence.ts'

/**
 * Keys and values as a scheduler's steps would leave them: each place says for which salt, with which rotary positions and
 * after which tokens it was written; so does each slot of a state. Refuses a step that would read what is not meant for it, or write where another reads.
 */
export class SimulatedMemory {
  readonly #places = new Map<number, number>()
  /** Which tokens the state in each slot has seen. */
  readonly #states = new Map<number, number>()
  /** A number for each beginning there is. */
  readonly #beginnings = new Map<string, number>()
  readonly #traits: PrefixTraits

  readonly #hasStates: boolean

  constructor(traits: PrefixTraits, hasStates = false) {
    this.#traits = traits
    this.#hasStates = hasStates
  }

  /** Does a step's reads and writes; `open` are all sequences that may have a table. */
  run(slices: readonly ScheduledSlice[], open: Iterable<Sequence>): void {
    const holders = new Map<number, number>()
    for (const { blocks } of open) for (const block of new Set(blocks)) holders.set(block, (holders.get(block) ?? 0) + 1)
    for (const { sequence, start, count, blocks, stateSlot, snapshot } of slices) {
      const meant = this.#meant(sequence)
      const first = start - (this.#traits.window ?? start + 1) + 1
      const isWrong = (beginning: number, position: number): boolean =>
        position >= first && position < start && this.#places.get(slotOf(blocks, position)) !== beginning
      const wrong = meant.findIndex(isWrong)
      expect(wrong, 'a position whose keys are of other tokens').toBe(-1)
      for (let position = start; position < start + count; position++) {
        const slot = slotOf(blocks, position)
        if (holders.get(Math.floor(slot / 16)) !== 1) expect.fail(`position ${position} is written to a block that others hold`)
        this.#places.set(slot, meant[position]!)
      }
      if (start > 0 && this.#hasStates) expect(this.#states.get(stateSlot!), 'a state of other tokens').toBe(meant[start - 1])
      this.#states.set(stateSlot!, meant[start + count - 1]!)
      if (snapshot) this.#states.set(snapshot.slot, meant[snapshot.token]!)
    }
  }

  copyState(from: number, to: number): void {
    this.#states.set(to, this.#states.get(from)!)
  }

  /** What each position's keys depend on. */
  #meant({ tokens, salt }: Sequence): number[] {
    const { longAfter } = this.#traits
    let before = this.#numberOf(JSON.stringify([salt ?? null, longAfter !== null && tokens.length > longAfter]))
    return tokens.map(token => {
      before = this.#numberOf(`${before} ${token}`)
      return before
    })
  }

  #numberOf(beginning: string): number {
    const known = this.#beginnings.get(beginning)
    if (known !== undefined) return known
    this.#beginnings.set(beginning, this.#beginnings.size)
    return this.#beginnings.size - 1
  }
}
