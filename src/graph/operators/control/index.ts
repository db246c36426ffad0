import type { Operator } from '../../operator.ts'
import { branchOperators } from './if.ts'
import { loopOperators } from './loop.ts'
import { scanOperators } from './scan.ts'

/** Operators that run bodies. */
export const controlOperators: readonly Operator[] = [...branchOperators, ...loopOperators, ...scanOperators]
