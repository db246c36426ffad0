import type { BatchedMatmulAttributes, Buffer } from '../../program/index.ts'
import { mergedAxes } from './encode-map.ts'
import type { Encoder } from './encoder.ts'

const NONE = 0xffffffff

/** Operand words: buffers, sizes of a product, how the addend repeats, then the batch axes and which operand has them. */
export function encodeBatchedMatmul(
  [a, b, addend]: readonly (Buffer | undefined)[],
  output: Buffer,
  { transposeB = false, scale = 1 }: BatchedMatmulAttributes,
  encoder: Encoder,
): readonly number[] {
  const more = addend?.shape ?? []
  const { sizes, masks } = mergedAxes([a!.shape.slice(0, -2), b!.shape.slice(0, -2), more.slice(0, -2)], output.shape.slice(0, -2))
  const [rows, columns] = [(more.at(-2) ?? 1) !== 1, (more.at(-1) ?? 1) !== 1]
  return [
    a!.id,
    b!.id,
    addend?.id ?? NONE,
    output.id,
    ...[output.shape.at(-2)!, a!.shape.at(-1)!, output.shape.at(-1)!].map(dim => encoder.dim(dim)),
    encoder.float(scale),
    Number(transposeB) | (Number(rows) << 1) | (Number(columns) << 2),
    ...masks,
    Math.max(1, sizes.length),
    ...(sizes.length > 0 ? sizes : [1]).map(size => encoder.dim(size)),
  ]
}
