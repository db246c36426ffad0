import type { GraphNode } from '../graph.ts'
import type { Lowering } from './context.ts'
import { ELEMENTWISE } from './elementwise.ts'
import { MOVEMENT } from './movement.ts'
import { NORMALIZATION } from './normalization.ts'
import { PRODUCTS } from './products.ts'

const LOWERINGS: Readonly<Record<string, Lowering>> = { ...ELEMENTWISE, ...MOVEMENT, ...NORMALIZATION, ...PRODUCTS }

/** How an operator becomes instructions; undefined for one that always runs by its definition. */
export function findLowering({ domain, op }: GraphNode): Lowering | undefined {
  return domain === '' ? LOWERINGS[op] : LOWERINGS[`${domain}.${op}`]
}
