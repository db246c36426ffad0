import { agree, f32, knownDim, type Op, operand } from '../op.ts'
import { ACTIVATIONS } from './activations.ts'
import { RAGGED_STATE_OPERANDS, raggedState, stretches } from './ragged-state.ts'

export interface SelectiveScanAttributes {
  /** The operand holds `log(−A)`, as checkpoints are trained, instead of A. */
  readonly isLogarithm?: boolean
}

/**
 * The selective state-space recurrence of D channels with N numbers of state each, over ragged sequences:
 * `h ← exp(Δ·A) ⊙ h + Δ·x·B; y = Σₙ h·C + skip·x`, times `silu(gate)`, with `Δ = softplus(dt)`.
 *
 * Operands: x `[T, D]`, dt `[T, D]`, A `[D, N]`, B `[T, N]`, C `[T, N]`, skip `[D]`, gate `[T, D]` or none, then the
 * {@link RAGGED_STATE_OPERANDS} with a state `[states, D, N]` f32, whose order within a slot is the backend's own affair.
 * Source: Gu & Dao 2023 (Mamba), algorithm 2.
 */
export const selectiveScan: Op<SelectiveScanAttributes> = {
  name: 'selective_scan',
  operands: ['x', 'dt', 'a', 'b', 'c', 'skip', 'gate?', ...RAGGED_STATE_OPERANDS],
  mutates: [11],
  infer([x, dt, a, b, c, skip, gate, ...rest]) {
    const op = 'selective_scan'
    const type = operand(op, 'x', x, 'f32', 2)
    const [tokens, channels] = [type.shape[0]!, knownDim(op, 'channels', type.shape[1])]
    const size = knownDim(op, 'state size', operand(op, 'a', a, 'f32', 2).shape[1])
    agree(op, 'channels', channels, a!.shape[0]!)
    for (const [name, other, width] of [
      ['dt', dt, channels],
      ['b', b, size],
      ['c', c, size],
      ...(gate ? [['gate', gate, channels] as const] : []),
    ] as const) {
      const { shape } = operand(op, name, other, 'f32', 2)
      agree(op, `tokens of ${name}`, shape[0]!, tokens)
      agree(op, `columns of ${name}`, shape[1]!, width)
    }
    agree(op, 'channels of skip', operand(op, 'skip', skip, 'f32', 1).shape[0]!, channels)
    const { shape } = raggedState(op, type, rest, 3)
    agree(op, 'channels of state', shape[1]!, channels)
    agree(op, 'state size', shape[2]!, size)
    return [type]
  },
  run({ inputs, outputs: [output], attributes: { isLogarithm = false } }) {
    const [x, dt, a, b, c, skip] = inputs.slice(0, 6).map(f32) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    const gate = inputs[6] && f32(inputs[6])
    const y = f32(output)
    const [width, size] = inputs[2]!.shape as readonly [number, number]
    const decay = isLogarithm ? Float64Array.from(a, value => -Math.exp(value)) : a
    for (const { begin, end, state, keep } of stretches(inputs.slice(7)))
      for (let t = begin; t < end; t++) {
        for (let d = 0, at = t * width; d < width; d++, at++) {
          const step = Math.max(dt[at]!, 0) + Math.log1p(Math.exp(-Math.abs(dt[at]!)))
          let sum = skip[d]! * x[at]!
          for (let n = 0, i = d * size; n < size; n++, i++) {
            state[i] = Math.exp(step * decay[i]!) * state[i]! + step * x[at]! * b[t * size + n]!
            sum += state[i]! * c[t * size + n]!
          }
          y[at] = gate ? sum * ACTIVATIONS.silu(gate[at]!) : sum
        }
        keep(t)
      }
  },
}
