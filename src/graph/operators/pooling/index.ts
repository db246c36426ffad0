import type { Operator } from '../../operator.ts'
import { affineGridOperators } from './affine-grid.ts'
import { averagePoolOperators } from './average-pool.ts'
import { globalPoolOperators } from './global-pool.ts'
import { gridSampleOperators } from './grid-sample.ts'
import { maxPoolOperators } from './max-pool.ts'
import { maxUnpoolOperators } from './max-unpool.ts'
import { roiAlignOperators } from './roi-align.ts'
import { roiPoolOperators } from './roi-pool.ts'

export { averagePool } from './average-pool.ts'
export { meanOf } from './global-pool.ts'

/** Operators that take one number from the elements under a window, a region or around a point. */
export const poolingOperators: readonly Operator[] = [
  ...maxPoolOperators,
  ...averagePoolOperators,
  ...globalPoolOperators,
  ...maxUnpoolOperators,
  ...roiPoolOperators,
  ...roiAlignOperators,
  ...gridSampleOperators,
  ...affineGridOperators,
]
