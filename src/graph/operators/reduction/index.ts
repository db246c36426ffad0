import type { Operator } from '../../operator.ts'
import { argReductions } from './arg-reduce.ts'
import { cumulatives } from './cumulative.ts'
import { determinants } from './determinant.ts'
import { einsums } from './einsum.ts'
import { moments } from './moments.ts'
import { reductions } from './reduce.ts'
import { softmaxes } from './softmax.ts'
import { topKs } from './top-k.ts'
import { sets } from './unique.ts'

/** Operators that fold, rank or normalise along axes. */
export const reductionOperators: readonly Operator[] = [
  ...reductions,
  ...argReductions,
  ...topKs,
  ...cumulatives,
  ...softmaxes,
  ...moments,
  ...sets,
  ...determinants,
  ...einsums,
]
