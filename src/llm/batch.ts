import type { TensorData } from '../core/index.ts'
import type { DimValues } from '../program/index.ts'
import { blocksFor, slotOf } from './kv-blocks.ts'

/** The part of one sequence that a step computes. */
export interface BatchSlice {
  /** All known tokens of the sequence. */
  readonly tokens: readonly number[]
  /** Tokens `start .. start + count` are computed; earlier ones are in the blocks already. */
  readonly start: number
  readonly count: number
  /** Logits are wanted for this many of them, the last ones. */
  readonly rowCount: number
  /** Block table of the sequence, up to token `start + count` at least. */
  readonly blocks: readonly number[]
  /** Where the sequence's state lies; of no account where layers have none. */
  readonly stateSlot?: number
  /** The state after token `token` is kept in another slot as well. */
  readonly snapshot?: { readonly token: number; readonly slot: number }
}

/** Largest sizes of a step. */
export interface BatchLimits {
  /** Tokens of all slices together. */
  readonly tokens: number
  /** As many slots do pools of states have, and one for each snapshot. */
  readonly sequences: number
  /** Snapshots of states; none when left out. */
  readonly snapshots?: number
  /** Logit rows of all slices together. */
  readonly rows: number
  /** Tokens of one sequence. */
  readonly context: number
  /** Blocks of the pools. */
  readonly blocks: number
}

/** The limits as values of the program's dims. */
export function dimLimits({ tokens, sequences, snapshots = 0, rows, context, blocks }: BatchLimits): DimValues {
  const states = sequences + snapshots
  return { T: tokens, S: sequences, S1: sequences + 1, B: sequences * blocksFor(context), L: rows, blocks, states }
}

/** Lays out ragged slices as the inputs of a decoder's program, in arrays that are used again for every step. */
export class BatchLayout {
  readonly #blocks: number
  readonly #states: number
  readonly #tokens: Int32Array
  readonly #positions: Int32Array
  readonly #slots: Int32Array
  readonly #queryStarts: Int32Array
  readonly #contextLengths: Int32Array
  readonly #blockStarts: Int32Array
  readonly #blockTable: Int32Array
  readonly #rows: Int32Array
  readonly #stateSlots: Int32Array
  readonly #snapshots: Int32Array
  readonly #isLong: Int32Array
  readonly #longAfter: number | null

  /** @param longAfter - see `longAfter` of the configuration */
  constructor(limits: BatchLimits, longAfter: number | null = null) {
    const { T, S, S1, B, L } = dimLimits(limits) as { T: number; S: number; S1: number; B: number; L: number }
    this.#blocks = limits.blocks
    this.#states = limits.sequences + (limits.snapshots ?? 0)
    this.#tokens = new Int32Array(T)
    this.#positions = new Int32Array(T)
    this.#slots = new Int32Array(T)
    this.#queryStarts = new Int32Array(S1)
    this.#contextLengths = new Int32Array(S)
    this.#blockStarts = new Int32Array(S1)
    this.#blockTable = new Int32Array(B)
    this.#rows = new Int32Array(L)
    this.#stateSlots = new Int32Array(S)
    this.#snapshots = new Int32Array(T)
    this.#isLong = new Int32Array(T)
    this.#longAfter = longAfter
  }

  /** The inputs and dims of a step over `slices`, which the caller keeps within the limits. Valid until the next call. */
  fill(slices: readonly BatchSlice[]): { inputs: Record<string, TensorData>; dims: DimValues } {
    let T = 0
    let B = 0
    let L = 0
    for (const [s, { tokens, start, count, rowCount, blocks, stateSlot, snapshot }] of slices.entries()) {
      for (let position = start; position < start + count; position++, T++) {
        this.#tokens[T] = tokens[position]!
        this.#positions[T] = position
        this.#slots[T] = slotOf(blocks, position)
        this.#snapshots[T] = snapshot?.token === position ? snapshot.slot : -1
        this.#isLong[T] = Number(this.#longAfter !== null && tokens.length > this.#longAfter)
      }
      for (let row = T - rowCount; row < T; row++) this.#rows[L++] = row
      const used = blocksFor(start + count)
      for (let i = 0; i < used; i++) this.#blockTable[B++] = blocks[i]!
      this.#queryStarts[s + 1] = T
      this.#contextLengths[s] = start + count
      this.#stateSlots[s] = stateSlot ?? 0
      this.#blockStarts[s + 1] = B
    }
    return {
      inputs: {
        tokens: this.#tokens,
        positions: this.#positions,
        slots: this.#slots,
        queryStarts: this.#queryStarts,
        contextLengths: this.#contextLengths,
        blockStarts: this.#blockStarts,
        blocks: this.#blockTable,
        rows: this.#rows,
        isLong: this.#isLong,
        stateSlots: this.#stateSlots,
        snapshots: this.#snapshots,
      },
      dims: { T, S: slices.length, S1: slices.length + 1, B, L, blocks: this.#blocks, states: this.#states },
    }
  }
}
