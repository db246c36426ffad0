import { type Dim, productDim, type ReduceAttributes, type ReduceKind } from '../../program/index.ts'
import type { Encoder } from './encoder.ts'

/** The order of the enum ReduceKind in native/kernels.h. */
const KINDS: readonly ReduceKind[] = ['sum', 'mean', 'max', 'min', 'prod', 'sum_square', 'l1', 'l2', 'log_sum', 'log_sum_exp']

/** Words after x and y: the kind, a mask of the reduced axes, and the axes with neighbours of one kind joined. */
export function encodeReduce(shape: readonly Dim[], { kind, axes }: ReduceAttributes, encoder: Encoder): readonly number[] {
  const merged: { size: Dim; isReduced: boolean }[] = []
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue
    const isReduced = axes.includes(axis)
    const last = merged.at(-1)
    if (last?.isReduced === isReduced) last.size = productDim(last.size, size)
    else merged.push({ size, isReduced })
  }
  if (merged.length === 0) merged.push({ size: 1, isReduced: true })
  const mask = merged.reduce((bits, { isReduced }, axis) => bits | (isReduced ? 1 << axis : 0), 0)
  return [KINDS.indexOf(kind), mask, merged.length, ...merged.map(({ size }) => encoder.dim(size))]
}
