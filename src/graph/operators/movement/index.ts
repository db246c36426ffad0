import type { Operator } from '../../operator.ts'
import { expansions } from './expand.ts'
import { gathers } from './gather.ts'
import { joins } from './join.ts'
import { layouts } from './layout.ts'
import { oneHots } from './one-hot.ts'
import { pads } from './pad.ts'
import { rearrangements } from './rearrange.ts'
import { scatters } from './scatter.ts'
import { slices } from './slice.ts'
import { triangles } from './triangle.ts'

/** Operators that move elements. */
export const movementOperators: readonly Operator[] = [
  ...layouts,
  ...joins,
  ...slices,
  ...gathers,
  ...scatters,
  ...expansions,
  ...pads,
  ...triangles,
  ...rearrangements,
  ...oneHots,
]
