import { agree, check, f32, knownDim, type Op, operand } from '../op.ts'
import { ACTIVATIONS } from './activations.ts'
import { RAGGED_STATE_OPERANDS, raggedState, stretches } from './ragged-state.ts'

/** Taps of the longest causal convolution; native/kernels.h has the same number. */
const MOST_CAUSAL_TAPS = 64

export interface CausalConvAttributes {
  /** Of the sum and its bias, before `after`; none by default. */
  readonly activation?: 'none' | 'silu'
}

/**
 * A convolution of each channel with its own L taps along ragged sequences, each seeing only its own past:
 * `y[t] = after ⊙ activation(Σⱼ w[j] ⊙ u[t − L + 1 + j] + bias)` with `u = x ⊙ before`.
 *
 * Operands: x `[T, D]`, weight `[D, L]`, bias `[D]` or none, before `[T, D]` or none, after `[T, D]` or none, then the
 * {@link RAGGED_STATE_OPERANDS} with a state `[states, L − 1, D]` f32: the newest u of a sequence, oldest first.
 */
export const causalConv: Op<CausalConvAttributes> = {
  name: 'causal_conv',
  operands: ['x', 'weight', 'bias?', 'before?', 'after?', ...RAGGED_STATE_OPERANDS],
  mutates: [9],
  infer([x, weight, bias, before, after, ...rest]) {
    const op = 'causal_conv'
    const type = operand(op, 'x', x, 'f32', 2)
    const channels = knownDim(op, 'channels', type.shape[1])
    const taps = knownDim(op, 'taps', operand(op, 'weight', weight, 'f32', 2).shape[1])
    check(taps >= 2 && taps <= MOST_CAUSAL_TAPS, op, `a weight of ${taps} taps must have 2 to ${MOST_CAUSAL_TAPS}`)
    agree(op, 'channels of weight', weight!.shape[0]!, channels)
    if (bias) agree(op, 'channels of bias', operand(op, 'bias', bias, 'f32', 1).shape[0]!, channels)
    for (const [name, other] of Object.entries({ before, after })) {
      if (!other) continue
      const { shape } = operand(op, name, other, 'f32', 2)
      agree(op, `tokens of ${name}`, shape[0]!, type.shape[0]!)
      agree(op, `channels of ${name}`, shape[1]!, channels)
    }
    const { shape } = raggedState(op, type, rest, 3)
    agree(op, 'taps of state', shape[1]!, taps - 1)
    agree(op, 'channels of state', shape[2]!, channels)
    return [type]
  },
  run({ inputs, outputs: [output], attributes: { activation = 'none' } }) {
    const [x, weight] = [f32(inputs[0]), f32(inputs[1])]
    const [bias, before, after] = inputs.slice(2, 5).map(tensor => tensor && f32(tensor))
    const y = f32(output)
    const [width, taps] = inputs[1]!.shape as readonly [number, number]
    const activate = ACTIVATIONS[activation]
    for (const { begin, end, state, keep } of stretches(inputs.slice(5)))
      for (let t = begin; t < end; t++) {
        for (let d = 0, at = t * width; d < width; d++, at++) {
          const u = x[at]! * (before ? before[at]! : 1)
          let sum = (bias ? bias[d]! : 0) + weight[(d + 1) * taps - 1]! * u
          for (let j = 0; j < taps - 1; j++) {
            sum += weight[d * taps + j]! * state[j * width + d]!
            state[j * width + d] = j + 2 < taps ? state[(j + 1) * width + d]! : u
          }
          y[at] = activate(sum) * (after ? after[at]! : 1)
        }
        keep(t)
      }
  },
}
