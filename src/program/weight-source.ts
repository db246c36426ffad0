import type { Dim } from './dims.ts'

/**
 * Where a weight's numbers come from: a tensor of the checkpoint, several, or a part. In this order the file's numbers are
 * transposed, chosen by rows, stacked, added to, and seen under the shape of the weight.
 */
export interface WeightSource {
  /** Name of the tensor in the checkpoint; several, all of one shape, are stacked along a new first axis. */
  readonly tensor: string | readonly string[]
  /** The last two axes are the other way round in the file, which holds `[…, in, out]`. */
  readonly transpose?: boolean
  /** Rows `[begin, end)` of each matrix, once transposed, or such elements of a vector; all by default. */
  readonly rows?: readonly [begin: number, end: number]
  /** {@link rows} are chosen from each run of so many: fused projections whose parts alternate. */
  readonly every?: number
  /** The last axis is a vector each, and {@link rows} its elements; always so for a tensor of one axis. */
  readonly hasVectors?: boolean
  /** Added to every number. */
  readonly add?: number
  /** The shape in the file, where the weight's own is another with as many numbers. */
  readonly fileShape?: readonly number[]
}

/** Names of all tensors of a source. */
export function sourceTensors({ tensor }: WeightSource): readonly string[] {
  return typeof tensor === 'string' ? [tensor] : tensor
}

/** A source in words: its tensors and the part of them. */
export function formatSource({ tensor, rows, every }: WeightSource): string {
  const names = typeof tensor === 'string' ? tensor : `${tensor[0]} and ${tensor.length - 1} more`
  return rows ? `${names}[${rows.join(':')}${every === undefined ? '' : ` of ${every}`}]` : names
}

/** The axis of a file's tensor, once transposed, on which a source chooses rows. */
export function rowAxis({ hasVectors }: WeightSource, rank: number): number {
  return hasVectors || rank === 1 ? rank - 1 : rank - 2
}

/**
 * The shape each tensor of a source must have in the file for a weight of `shape`.
 *
 * @param height - rows in the file where the source leaves it open: it chooses some but not of how many
 */
export function sourceShape(source: WeightSource, shape: readonly Dim[], height: number): number[] {
  if (source.fileShape) return [...source.fileShape]
  const wanted = [...(shape as readonly number[])]
  if (typeof source.tensor !== 'string') wanted.shift()
  const { rows, every } = source
  if (rows) {
    const axis = rowAxis(source, wanted.length)
    wanted[axis] = every === undefined ? height : (wanted[axis]! / (rows[1] - rows[0])) * every
  }
  if (source.transpose) wanted.push(...wanted.splice(-2).reverse())
  return wanted
}
