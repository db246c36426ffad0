import type { Operator } from '../../operator.ts'
import { gemmOperators } from './gemm.ts'
import { matMulOperators } from './matmul.ts'
import { quantizedMatMulOperators } from './quantized-matmul.ts'

export * from './batched.ts'
export * from './gemm.ts'
export * from './matrix.ts'
export * from './quantized.ts'

/** Products of matrices. */
export const linearOperators: readonly Operator[] = [...matMulOperators, ...gemmOperators, ...quantizedMatMulOperators]
