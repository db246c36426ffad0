import type { GraphNode } from '../graph.ts'
import { ACTIVATIONS } from './activations.ts'
import { ATTENTION } from './attention.ts'
import { BLOCKS } from './blocks.ts'
import type { Lowering } from './context.ts'
import { CONV_TRANSPOSE } from './conv-transpose.ts'
import { CONVOLUTION } from './convolution.ts'
import { COPIES } from './copies.ts'
import { ELEMENTWISE } from './elementwise.ts'
import { FOUR_BIT } from './four-bit.ts'
import { FOURIER } from './fourier.ts'
import { MASKS } from './masks.ts'
import { MOMENTS } from './moments.ts'
import { MOVEMENT } from './movement.ts'
import { NORMALIZATION } from './normalization.ts'
import { PRODUCTS } from './products.ts'
import { QUANTISATION } from './quantisation.ts'
import { QUANTISED_PRODUCTS } from './quantised-products.ts'
import { RANKING } from './ranking.ts'
import { RECURRENCE } from './recurrence.ts'
import { REDUCTION } from './reduction.ts'
import { RESIZE } from './resize.ts'
import { SELECTION } from './selection.ts'
import { TREES } from './trees.ts'

const LOWERINGS: Readonly<Record<string, Lowering>> = {
  ...ACTIVATIONS,
  ...ATTENTION,
  ...BLOCKS,
  ...CONV_TRANSPOSE,
  ...CONVOLUTION,
  ...COPIES,
  ...ELEMENTWISE,
  ...FOUR_BIT,
  ...FOURIER,
  ...MASKS,
  ...MOMENTS,
  ...MOVEMENT,
  ...NORMALIZATION,
  ...PRODUCTS,
  ...QUANTISATION,
  ...QUANTISED_PRODUCTS,
  ...RANKING,
  ...RECURRENCE,
  ...REDUCTION,
  ...RESIZE,
  ...SELECTION,
  ...TREES,
}

/** How an operator becomes instructions; undefined for one that always runs by its definition. */
export function findLowering({ domain, op }: GraphNode): Lowering | undefined {
  return domain === '' ? LOWERINGS[op] : LOWERINGS[`${domain}.${op}`]
}
