import type { Operator } from '../../operator.ts'
import { casts } from './cast.ts'
import { quantization } from './quantize.ts'

/** Operators that change the element type. */
export const conversionOperators: readonly Operator[] = [...casts, ...quantization]
