import { type Operator, type OperatorCall, optionalTensor } from '../../operator.ts'
import { workNumbers } from '../support/index.ts'
import { type Activation, readActivations } from './activations.ts'
import { type RecurrentOperands, readOperands, summedBias } from './operands.ts'
import { type Cell, denseProjection, initialState, runDirection, sequenceOutputs, splitParts } from './sequence.ts'

/** Gated recurrent units; gates in the order update, reset, hidden. */
const gru: Operator = {
  domain: '',
  name: 'GRU',
  run(call) {
    const operands = readOperands(call, 3)
    const { plan } = operands
    const { time, batch, hidden, reversed } = plan
    const activations = readActivations(call, reversed.length, ['Sigmoid', 'Tanh'])
    const states = initialState(call, plan, optionalTensor(call, 5), 'initial_h')
    const y = workNumbers(call, time * reversed.length * batch * hidden)
    for (const [direction, state] of splitParts(states, reversed.length).entries()) {
      const cell = gruCell(call, operands, direction, activations[2 * direction]!, activations[2 * direction + 1]!)
      runDirection(call, plan, direction, cell, [state], y)
    }
    return sequenceOutputs(call, plan, y, [states])
  },
}

function gruCell(call: OperatorCall, operands: RecurrentOperands, direction: number, f: Activation, g: Activation): Cell {
  const { batch, hidden } = operands.plan
  const linearBeforeReset = call.attributes.int('linear_before_reset', 0) !== 0
  const weights = operands.recurrence[direction]!
  const split = 2 * hidden * hidden
  const recurGates = denseProjection(weights.subarray(0, split), 2 * hidden, hidden)
  const recurHidden = denseProjection(weights.subarray(split), hidden, hidden)
  const both = operands.biases?.[direction]
  const bias = summedBias(both)
  // The hidden gate's recurrence bias is scaled by the reset gate, so it stays apart.
  const hiddenBias = linearBeforeReset ? both?.slice(5 * hidden) : undefined
  if (bias && hiddenBias) for (let i = 0; i < hidden; i++) bias[2 * hidden + i]! -= hiddenBias[i]!
  const shared = workNumbers(call, batch * 2 * hidden)
  const product = workNumbers(call, batch * hidden)
  const scaled = workNumbers(call, batch * hidden)
  return {
    project: operands.inputWeights[direction]!,
    bias,
    step(gates, [h]) {
      shared.fill(0)
      recurGates(h!, batch, shared)
      for (let b = 0; b < batch; b++)
        for (let i = 0; i < 2 * hidden; i++) shared[b * 2 * hidden + i] = f(shared[b * 2 * hidden + i]! + gates[b * 3 * hidden + i]!)
      product.fill(0)
      if (linearBeforeReset) {
        recurHidden(h!, batch, product)
        for (let b = 0, at = 0; b < batch; b++)
          for (let i = 0; i < hidden; i++, at++) product[at] = (product[at]! + (hiddenBias?.[i] ?? 0)) * shared[(b * 2 + 1) * hidden + i]!
      } else {
        for (let b = 0, at = 0; b < batch; b++)
          for (let i = 0; i < hidden; i++, at++) scaled[at] = h![at]! * shared[(b * 2 + 1) * hidden + i]!
        recurHidden(scaled, batch, product)
      }
      for (let b = 0, at = 0; b < batch; b++)
        for (let i = 0; i < hidden; i++, at++) {
          const update = shared[b * 2 * hidden + i]!
          h![at] = (1 - update) * g(product[at]! + gates[(b * 3 + 2) * hidden + i]!) + update * h![at]!
        }
    },
  }
}

export const gruOperators: readonly Operator[] = [gru]
