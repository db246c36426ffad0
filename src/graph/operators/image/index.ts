import type { Operator } from '../../operator.ts'
import { suppressions } from './non-max-suppression.ts'
import { resizes } from './resize.ts'

/** Operators on images and boxes. */
export const imageOperators: readonly Operator[] = [...resizes, ...suppressions]
