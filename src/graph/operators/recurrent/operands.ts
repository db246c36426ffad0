import { checkShape, type GraphTensor, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { showShape } from '../support/index.ts'
import { denseProjection, directionParts, type Projection, planSequence, type SequencePlan } from './sequence.ts'

/** The operands X, W, R, B and sequence_lens, which RNN, GRU and LSTM share. */
export interface RecurrentOperands {
  readonly plan: SequencePlan
  /** Per direction. */
  readonly inputWeights: readonly Projection[]
  readonly recurrence: readonly Float64Array[]
  /** Input biases, then recurrence biases, `2 · gates · hidden`. */
  readonly biases: readonly Float64Array[] | undefined
}

/** Reads the shared operands. @throws HenceError `SHAPE_MISMATCH`, `GRAPH_INVALID` */
export function readOperands(call: OperatorCall, gates: number): RecurrentOperands {
  const [x, w, r] = [tensorInput(call, 0), tensorInput(call, 1), tensorInput(call, 2)]
  const hidden = hiddenSize(call, r)
  const plan = planSequence(call, x, hidden, gates, optionalTensor(call, 4))
  const directions = plan.reversed.length
  const inputs = directionParts(call, w, [directions, gates * hidden, plan.inputSize], 'W')!
  return {
    plan,
    inputWeights: inputs.map(weights => denseProjection(weights, gates * hidden, plan.inputSize)),
    recurrence: directionParts(call, r, [directions, gates * hidden, hidden], 'R')!,
    biases: directionParts(call, optionalTensor(call, 3), [directions, 2 * gates * hidden], 'B'),
  }
}

/** The hidden size, which the recurrence weights show and the attribute may repeat. */
function hiddenSize(call: OperatorCall, r: GraphTensor): number {
  checkShape(r.shape.length === 3, call, `R must have 3 axes, has the shape ${showShape(r.shape)}`)
  const hidden = call.attributes.int('hidden_size', r.shape[2]!)
  checkShape(hidden === r.shape[2], call, `hidden_size ${hidden} differs from the ${r.shape[2]} columns of R`)
  return hidden
}

/** Both halves of a bias added up: what is the same for every step. */
export function summedBias(bias: Float64Array | undefined): Float64Array | undefined {
  if (!bias) return undefined
  const half = bias.length / 2
  return Float64Array.from({ length: half }, (_, i) => bias[i]! + bias[half + i]!)
}
