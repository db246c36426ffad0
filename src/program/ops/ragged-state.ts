import type { Tensor } from '../../core/index.ts'
import type { BufferType } from '../buffer.ts'
import { agree, i32, operand } from '../op.ts'

/**
 * The operands of an op that carries a state along ragged sequences: queryStarts `[S + 1]` i32, contextLengths `[S]` i32, slots
 * `[S]` i32 (where each sequence's state lives), snapshots `[T]` i32 (slot that receives the state after token t as well, −1
 * for none: what truncation goes back to), and the state pool. Sequence s owns tokens `queryStarts[s] .. queryStarts[s + 1]`,
 * the newest at position `contextLengths[s] − 1`; one whose first token is among them begins with a state of zeros, whatever
 * its slot holds.
 */
export const RAGGED_STATE_OPERANDS: readonly string[] = ['queryStarts', 'contextLengths', 'slots', 'snapshots', 'state']

/** Checks the {@link RAGGED_STATE_OPERANDS} against the type `[T, D]` of the tokens; gives the state's. */
export function raggedState(op: string, tokens: BufferType, operands: readonly (BufferType | undefined)[], rank: number): BufferType {
  const [queryStarts, contextLengths, slots, snapshots, state] = operands
  operand(op, 'queryStarts', queryStarts, 'i32', 1)
  const sequences = operand(op, 'contextLengths', contextLengths, 'i32', 1).shape[0]!
  agree(op, 'sequences', sequences, operand(op, 'slots', slots, 'i32', 1).shape[0]!)
  agree(op, 'tokens', tokens.shape[0]!, operand(op, 'snapshots', snapshots, 'i32', 1).shape[0]!)
  return operand(op, 'state', state, 'f32', rank)
}

/** A sequence's part of a step, and its state, updated in place. */
export interface Stretch {
  readonly begin: number
  readonly end: number
  readonly state: Float32Array
  /** Keeps the state as it is after token t where a snapshot is wanted. */
  keep(t: number): void
}

/** The sequences of a step that have tokens in it. */
export function* stretches(operands: readonly (Tensor | undefined)[]): Generator<Stretch> {
  const [queryStarts, contextLengths, slots, snapshots] = operands.slice(0, 4).map(i32) as [Int32Array, Int32Array, Int32Array, Int32Array]
  const pool = operands[4]!.data as Float32Array
  const size = pool.length / operands[4]!.shape[0]!
  for (const [s, slot] of slots.entries()) {
    const [begin, end] = [queryStarts[s]!, queryStarts[s + 1]!]
    if (begin === end) continue
    const state = pool.subarray(slot * size, (slot + 1) * size)
    if (contextLengths[s] === end - begin) state.fill(0)
    yield {
      begin,
      end,
      state,
      keep: t => {
        if (snapshots[t]! >= 0) pool.set(state, snapshots[t]! * size)
      },
    }
  }
}
