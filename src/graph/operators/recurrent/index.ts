import type { Operator } from '../../operator.ts'
import { gruOperators } from './gru.ts'
import { lstmOperators } from './lstm.ts'
import { rnnOperators } from './rnn.ts'

export { activationNamed } from './activations.ts'
export { runLstm } from './lstm.ts'
export { directionParts, type Projection, planSequence } from './sequence.ts'

/** Recurrent nets. */
export const recurrentOperators: readonly Operator[] = [...rnnOperators, ...gruOperators, ...lstmOperators]
