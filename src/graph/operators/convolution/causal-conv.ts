import { HenceError } from '../../../core/index.ts'
import { checkShape, type Operator, optionalTensor, tensorInput } from '../../operator.ts'
import { numbersOf, sameShape, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** A depthwise convolution along time that sees only the past, with the end of its input carried on to the next call. */
const causalConvWithState: Operator = {
  domain: '',
  name: 'CausalConvWithState',
  run(call) {
    const [x, w] = [tensorInput(call, 0), tensorInput(call, 1)]
    const [bias, past] = [optionalTensor(call, 2), optionalTensor(call, 3)]
    const activation = call.attributes.string('activation', 'none')
    if (activation !== 'none' && activation !== 'silu' && activation !== 'swish')
      throw new HenceError('GRAPH_INVALID', `${call.node}: activation is ${activation}`, { node: call.node, activation })
    checkShape(
      x.shape.length === 3 && w.shape.length === 3,
      call,
      `operands ${showShape(x.shape)} and ${showShape(w.shape)} must have 3 axes`,
    )
    const [batch, channels, length] = x.shape as [number, number, number]
    const taps = w.shape[2]!
    checkShape(
      w.shape[0] === channels && w.shape[1] === 1 && taps > 0,
      call,
      `weights ${showShape(w.shape)} do not fit ${channels} channels`,
    )
    const kept = taps - 1
    const stateShape = [batch, channels, kept]
    checkShape(
      !past || sameShape(past.shape, stateShape),
      call,
      `past_state must be ${showShape(stateShape)}, is ${showShape(past?.shape ?? [])}`,
    )
    const [values, weights] = [numbersOf(call, x), numbersOf(call, w)]
    const biases = bias && numbersOf(call, bias)
    checkShape(!biases || biases.length === channels, call, `bias has ${biases?.length} elements for ${channels} channels`)
    const states = past && numbersOf(call, past)
    const y = workNumbers(call, values.length)
    const present = workNumbers(call, batch * channels * kept)
    const line = workNumbers(call, kept + length)
    for (let row = 0; row < batch * channels; row++) {
      const channel = row % channels
      if (states) line.set(states.subarray(row * kept, (row + 1) * kept))
      line.set(values.subarray(row * length, (row + 1) * length), kept)
      for (let t = 0; t < length; t++) {
        let sum = biases ? biases[channel]! : 0
        for (let tap = 0; tap < taps; tap++) sum += weights[channel * taps + tap]! * line[t + tap]!
        y[row * length + t] = activation === 'none' ? sum : sum / (1 + Math.exp(-sum))
      }
      present.set(line.subarray(length), row * kept)
    }
    return [tensorFromNumbers(call, x.dtype, x.shape, y), tensorFromNumbers(call, x.dtype, stateShape, present)]
  },
}

export const causalConvOperators: readonly Operator[] = [causalConvWithState]
