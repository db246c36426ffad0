import type { Operator } from '../../operator.ts'
import { fourierOperators } from './dft.ts'
import { melOperators } from './mel.ts'
import { signalWindowOperators } from './signal-windows.ts'

/** Transforms of signals and what they are weighted with. */
export const signalOperators: readonly Operator[] = [...fourierOperators, ...signalWindowOperators, ...melOperators]
