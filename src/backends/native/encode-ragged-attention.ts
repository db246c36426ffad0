import { type Buffer, type Dim, type RaggedAttentionAttributes, raggedWidths } from '../../program/index.ts'
import type { Encoder } from './encoder.ts'

const NONE = 0xffffffff

/** Operand words: buffers, keys and starts, sizes of heads, whether and how far a query sees, reach of the bias, scale and softcap. */
export function encodeRaggedAttention(
  inputs: readonly (Buffer | undefined)[],
  output: Buffer,
  attributes: RaggedAttentionAttributes,
  encoder: Encoder,
): readonly number[] {
  const { heads, kvHeads, scale, causal = false, window, softcap = 0 } = attributes
  const { headDim, valueDim } = raggedWidths(
    inputs.slice(0, 3).map(input => input!.shape),
    attributes,
  )
  const bias = inputs[5]
  return [
    ...inputs.slice(0, 5).map(input => input!.id),
    bias?.id ?? NONE,
    output.id,
    encoder.dim(inputs[1]!.shape[0] as Dim),
    encoder.dim(inputs[3]!.shape[0] as Dim),
    heads,
    kvHeads,
    headDim,
    valueDim,
    Number(causal),
    Number(window !== undefined),
    window ?? 0,
    bias ? ((bias.shape[1] as number) - 1) / 2 : 0,
    encoder.float(scale),
    encoder.float(softcap),
  ]
}
