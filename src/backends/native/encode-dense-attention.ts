import {
  type Buffer,
  type DenseAttentionAttributes,
  type Dim,
  denseAttentionShape,
  denseAttentionStrides,
  denseStrides,
} from '../../program/index.ts'
import type { Encoder } from './encoder.ts'

const NONE = 0xffffffff

/** Operand words: buffers, counts, the causal offset plus one (0 for none), then strides of batch, head and row. */
export function encodeDenseAttention(
  inputs: readonly (Buffer | undefined)[],
  output: Buffer,
  attributes: DenseAttentionAttributes,
  encoder: Encoder,
): readonly number[] {
  const { heads, kvHeads, scale, causal } = attributes
  const mask = inputs[3]
  const { batch, queries, keys, headDim, valueDim, headsFirst } = denseAttentionShape(
    inputs.slice(0, 3).map(input => input!.shape),
    attributes,
  )
  const maskSteps = mask ? denseStrides(mask.shape).map((step, axis) => (mask.shape[axis] === 1 ? 0 : step)) : [0, 0, 0]
  const strides: readonly Dim[] = [
    ...denseAttentionStrides(headsFirst, queries, heads, headDim),
    ...denseAttentionStrides(headsFirst, keys, kvHeads, headDim),
    ...denseAttentionStrides(headsFirst, keys, kvHeads, valueDim),
    ...maskSteps.slice(0, 3),
    ...denseAttentionStrides(headsFirst, queries, heads, valueDim),
  ]
  return [
    ...inputs.slice(0, 3).map(input => input!.id),
    mask?.id ?? NONE,
    output.id,
    ...[batch, queries, keys].map(dim => encoder.dim(dim)),
    heads,
    kvHeads,
    headDim,
    valueDim,
    encoder.float(scale),
    Number(causal !== undefined),
    encoder.dim(causal ?? 0),
    ...strides.map(stride => encoder.dim(stride)),
  ]
}
