import type { Operator } from '../../operator.ts'
import { activations } from './activations.ts'
import { arithmetic } from './arithmetic.ts'
import { bits } from './bits.ts'
import { comparisons } from './comparisons.ts'
import { unary } from './unary.ts'

/** Operators that compute each element from those at its position. */
export const elementwiseOperators: readonly Operator[] = [...unary, ...activations, ...arithmetic, ...comparisons, ...bits]
