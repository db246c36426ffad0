import { RECURRENT_GATES, type RecurrentActivation, type RecurrentAttributes, type RecurrentKind } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

interface Shape extends Omit<RecurrentAttributes, 'kind' | 'activations'> {
  readonly time: number
  readonly batch: number
  readonly hidden: number
  readonly bare?: boolean
  readonly lengths?: readonly number[]
  readonly activations?: readonly RecurrentActivation[]
}

const SHAPES: readonly Shape[] = [
  { time: 1, batch: 1, hidden: 1, bare: true },
  { time: 7, batch: 1, hidden: 16 },
  { time: 5, batch: 3, hidden: 37, reversed: true },
  { time: 4, batch: 9, hidden: 20, lengths: [4, 0, 2, 4, 1, 3, 9, -1, 4], bare: true },
  { time: 6, batch: 5, hidden: 33, lengths: [6, 5, 1, 2, 3], reversed: true, clip: 0.7 },
  { time: 3, batch: 2, hidden: 300 },
  { time: 5, batch: 1, hidden: 130, linearBeforeReset: true, couplesInputForget: true },
]

const DEFAULTS: Readonly<Record<RecurrentKind, readonly RecurrentActivation[]>> = {
  lstm: [{ name: 'sigmoid' }, { name: 'tanh' }, { name: 'tanh' }],
  gru: [{ name: 'sigmoid' }, { name: 'tanh' }],
  rnn: [{ name: 'tanh' }],
}

function recurrentCase(kind: RecurrentKind, shape: Shape): ContractCase {
  const { time, batch, hidden, bare = false, lengths, activations = DEFAULTS[kind], ...attributes } = shape
  const gates = RECURRENT_GATES[kind]
  const c = new CaseBuilder(`${kind} ${JSON.stringify(shape)}`)
  const operands = [
    c.input('x', [time, batch, gates * hidden]),
    c.weight('r', [gates * hidden, hidden], 'f32', hidden ** -0.5),
    kind === 'gru' && attributes.linearBeforeReset ? c.input('hiddenBias', [hidden]) : undefined,
    bare ? undefined : c.input('initialState', [batch, hidden], 0.5),
    bare || kind !== 'lstm' ? undefined : c.input('initialCell', [batch, hidden]),
    kind === 'lstm' && !bare ? c.input('peepholes', [3 * hidden], 0.3) : undefined,
    lengths && c.indices('lengths', lengths),
  ]
  const outputs = c.builder.apply('recurrent', 'y', operands, { kind, activations, ...attributes })
  for (const [i, output] of outputs.entries()) c.builder.output(['all', 'last', 'cell'][i]!, output)
  return c.done()
}

const FUNCTIONS: readonly RecurrentActivation[] = [
  { name: 'relu' },
  { name: 'softsign' },
  { name: 'softplus' },
  { name: 'affine', alpha: 0.4, beta: 0.1 },
  { name: 'leaky_relu', alpha: 0.2 },
  { name: 'thresholded_relu', alpha: 0.5 },
  { name: 'scaled_tanh', alpha: 0.8, beta: 0.6 },
  { name: 'hard_sigmoid', alpha: 0.2, beta: 0.5 },
  { name: 'elu', alpha: 0.9 },
]

/** Every kind at odd and model-sized shapes, and every activation. */
export const recurrentCases: readonly ContractCase[] = [
  ...(['lstm', 'gru', 'rnn'] as const).flatMap(kind => SHAPES.map(shape => recurrentCase(kind, shape))),
  ...FUNCTIONS.map(activation => recurrentCase('rnn', { time: 2, batch: 3, hidden: 50, activations: [activation] })),
]
