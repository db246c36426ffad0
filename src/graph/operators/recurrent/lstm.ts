import { type GraphTensor, type Operator, type OperatorCall, optionalTensor } from '../../operator.ts'
import { workNumbers } from '../support/index.ts'
import { type Activation, readActivations } from './activations.ts'
import { readOperands, summedBias } from './operands.ts'
import {
  type Cell,
  denseProjection,
  directionParts,
  initialState,
  type Projection,
  runDirection,
  type SequencePlan,
  sequenceOutputs,
  splitParts,
} from './sequence.ts'

/** Weights of an LSTM per direction; gates in the order input, output, forget, cell. */
export interface LstmOperands {
  readonly plan: SequencePlan
  readonly inputWeights: readonly Projection[]
  readonly recurrence: readonly Projection[]
  readonly biases: readonly Float64Array[] | undefined
  readonly initialHidden: GraphTensor | undefined
  readonly initialCell: GraphTensor | undefined
  /** Weights of the cell state on the input, output and forget gates. */
  readonly peepholes: GraphTensor | undefined
}

/** Runs all directions of an LSTM: Y, Y_h and Y_c. */
export function runLstm(call: OperatorCall, operands: LstmOperands): GraphTensor[] {
  const { plan } = operands
  const { time, batch, hidden, reversed } = plan
  const directions = reversed.length
  const activations = readActivations(call, directions, ['Sigmoid', 'Tanh', 'Tanh'])
  const peepholes = directionParts(call, operands.peepholes, [directions, 3 * hidden], 'P')
  const h = initialState(call, plan, operands.initialHidden, 'initial_h')
  const c = initialState(call, plan, operands.initialCell, 'initial_c')
  const [hiddenParts, cellParts] = [splitParts(h, directions), splitParts(c, directions)]
  const y = workNumbers(call, time * directions * batch * hidden)
  for (let direction = 0; direction < directions; direction++) {
    const cell: Cell = {
      project: operands.inputWeights[direction]!,
      bias: summedBias(operands.biases?.[direction]),
      step: lstmStep(
        call,
        plan,
        operands.recurrence[direction]!,
        activations.slice(3 * direction, 3 * direction + 3),
        peepholes?.[direction],
      ),
    }
    runDirection(call, plan, direction, cell, [hiddenParts[direction]!, cellParts[direction]!], y)
  }
  return sequenceOutputs(call, plan, y, [h, c])
}

function lstmStep(
  call: OperatorCall,
  { batch, hidden }: SequencePlan,
  recur: Projection,
  activations: readonly Activation[],
  peephole: Float64Array | undefined,
): Cell['step'] {
  const [f, g, output] = activations as [Activation, Activation, Activation]
  const couples = call.attributes.int('input_forget', 0) !== 0
  return (gates, [h, c]) => {
    recur(h!, batch, gates)
    for (let b = 0, at = 0; b < batch; b++) {
      const row = b * 4 * hidden
      for (let i = 0; i < hidden; i++, at++) {
        const before = c![at]!
        const inputGate = f(gates[row + i]! + (peephole ? peephole[i]! * before : 0))
        const forgetGate = couples ? 1 - inputGate : f(gates[row + 2 * hidden + i]! + (peephole ? peephole[2 * hidden + i]! * before : 0))
        const now = forgetGate * before + inputGate * g(gates[row + 3 * hidden + i]!)
        const outputGate = f(gates[row + hidden + i]! + (peephole ? peephole[hidden + i]! * now : 0))
        c![at] = now
        h![at] = outputGate * output(now)
      }
    }
  }
}

/** Long short-term memory. */
const lstm: Operator = {
  domain: '',
  name: 'LSTM',
  run(call) {
    const { plan, inputWeights, recurrence, biases } = readOperands(call, 4)
    return runLstm(call, {
      plan,
      inputWeights,
      recurrence: recurrence.map(weights => denseProjection(weights, 4 * plan.hidden, plan.hidden)),
      biases,
      initialHidden: optionalTensor(call, 5),
      initialCell: optionalTensor(call, 6),
      peepholes: optionalTensor(call, 7),
    })
  },
}

export const lstmOperators: readonly Operator[] = [lstm]
