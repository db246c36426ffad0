import { agree, f32, i32, type Op, operand } from '../op.ts'

/**
 * The linear recurrence `h ← a[t] ⊙ h + b[t]; y[t] = h` over ragged sequences, the heart of state-space models.
 *
 * Operands: a `[T, D]`, b `[T, D]`, queryStarts `[S + 1]` i32, slots `[S]` i32 (where each sequence's h lives),
 * snapshots `[T]` i32 (slot that receives h after token t, −1 for none: what truncation goes back to), state pool
 * `[states, D]` f32. Source: Gu & Dao 2023 (Mamba).
 */
export const scan: Op = {
  name: 'scan',
  operands: ['a', 'b', 'queryStarts', 'slots', 'snapshots', 'state'],
  mutates: [5],
  infer([a, b, queryStarts, slots, snapshots, state]) {
    const type = operand('scan', 'a', a, 'f32', 2)
    const other = operand('scan', 'b', b, 'f32', 2)
    agree('scan', 'tokens', type.shape[0]!, other.shape[0]!)
    agree('scan', 'columns', type.shape[1]!, other.shape[1]!)
    operand('scan', 'queryStarts', queryStarts, 'i32', 1)
    operand('scan', 'slots', slots, 'i32', 1)
    agree('scan', 'snapshots', type.shape[0]!, operand('scan', 'snapshots', snapshots, 'i32', 1).shape[0]!)
    agree('scan', 'state', type.shape[1]!, operand('scan', 'state', state, 'f32', 2).shape[1]!)
    return [type]
  },
  run({ inputs, outputs: [output] }) {
    const [a, b] = [f32(inputs[0]), f32(inputs[1])]
    const [queryStarts, slots, snapshots] = [i32(inputs[2]), i32(inputs[3]), i32(inputs[4])]
    const state = f32(inputs[5])
    const y = f32(output)
    const width = inputs[0]!.shape[1]!
    for (const [s, slot] of slots.entries()) {
      const h = state.subarray(slot * width, (slot + 1) * width)
      for (let t = queryStarts[s]!; t < queryStarts[s + 1]!; t++) {
        for (let d = 0; d < width; d++) h[d] = a[t * width + d]! * h[d]! + b[t * width + d]!
        y.set(h, t * width)
        if (snapshots[t]! >= 0) state.set(h, snapshots[t]! * width)
      }
    }
  },
}
