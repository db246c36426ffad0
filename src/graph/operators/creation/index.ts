import type { Operator } from '../../operator.ts'
import { constants } from './constant.ts'
import { randoms } from './random.ts'
import { shapes } from './shape.ts'

/** Operators that make values from shapes, attributes or chance. */
export const creationOperators: readonly Operator[] = [...shapes, ...constants, ...randoms]
