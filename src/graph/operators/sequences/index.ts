import type { Operator } from '../../operator.ts'
import { optionalOperators } from './optional.ts'
import { sequenceBasicOperators } from './sequence.ts'
import { sequenceMapOperators } from './sequence-map.ts'
import { sequenceTensorOperators } from './split-concat.ts'

/** Lists of values and values that may be absent. */
export const sequenceOperators: readonly Operator[] = [
  ...sequenceBasicOperators,
  ...sequenceTensorOperators,
  ...sequenceMapOperators,
  ...optionalOperators,
]
