import type { Operator } from '../../operator.ts'
import { gradientOperators } from './gradient.ts'
import { lossOperators } from './losses.ts'
import { optimizerOperators } from './optimizers.ts'

/** Losses and optimizer steps. */
export const trainingOperators: readonly Operator[] = [...lossOperators, ...optimizerOperators, ...gradientOperators]
