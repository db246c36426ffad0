import { type Operator, optionalTensor } from '../../operator.ts'
import { workNumbers } from '../support/index.ts'
import { readActivations } from './activations.ts'
import { readOperands, summedBias } from './operands.ts'
import { denseProjection, initialState, runDirection, sequenceOutputs, splitParts } from './sequence.ts'

/** The plain recurrent net: Hₜ = f(Xₜ·Wᵀ + Hₜ₋₁·Rᵀ + b). */
const rnn: Operator = {
  domain: '',
  name: 'RNN',
  run(call) {
    const { plan, inputWeights, recurrence, biases } = readOperands(call, 1)
    const { time, batch, hidden, reversed } = plan
    const activations = readActivations(call, reversed.length, ['Tanh'])
    const states = initialState(call, plan, optionalTensor(call, 5), 'initial_h')
    const y = workNumbers(call, time * reversed.length * batch * hidden)
    for (const [direction, state] of splitParts(states, reversed.length).entries()) {
      const recur = denseProjection(recurrence[direction]!, hidden, hidden)
      const f = activations[direction]!
      const cell = {
        project: inputWeights[direction]!,
        bias: summedBias(biases?.[direction]),
        step(gates: Float64Array, [h]: readonly Float64Array[]): void {
          recur(h!, batch, gates)
          for (let index = 0; index < gates.length; index++) h![index] = f(gates[index]!)
        },
      }
      runDirection(call, plan, direction, cell, [state], y)
    }
    return sequenceOutputs(call, plan, y, [states])
  },
}

export const rnnOperators: readonly Operator[] = [rnn]
