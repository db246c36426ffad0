import type { Operator } from '../../operator.ts'
import { causalConvOperators } from './causal-conv.ts'
import { col2ImOperators } from './col2im.ts'
import { convOperators } from './conv.ts'
import { quantizedConvOperators } from './conv-quantized.ts'
import { convTransposeOperators } from './conv-transpose.ts'
import { deformConvOperators } from './deform-conv.ts'

export * from './conv.ts'
export { advance } from './convolve.ts'
export * from './windows.ts'

/** Convolutions and what undoes their windows. */
export const convolutionOperators: readonly Operator[] = [
  ...convOperators,
  ...quantizedConvOperators,
  ...convTransposeOperators,
  ...deformConvOperators,
  ...col2ImOperators,
  ...causalConvOperators,
]
