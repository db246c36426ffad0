import type { Operator } from '../../operator.ts'
import { batchNormalizationOperators } from './batch-normalization.ts'
import { groupNormalizationOperators } from './group-normalization.ts'
import { layerNormalizationOperators } from './layer-normalization.ts'
import { lrnOperators } from './lrn.ts'

export { normalizeTrailing } from './layer-normalization.ts'

/** Normalizations by mean and variance. */
export const normalizationOperators: readonly Operator[] = [
  ...batchNormalizationOperators,
  ...groupNormalizationOperators,
  ...layerNormalizationOperators,
  ...lrnOperators,
]
