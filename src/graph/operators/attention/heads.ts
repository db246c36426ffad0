import { checkShape, type GraphTensor, type OperatorCall } from '../../operator.ts'
import type { Matrix } from '../linear/index.ts'
import { checkedCount, numbersOf, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** Vectors by batch, head and position; element d of one is at `offset + b·batchStride + h·headStride + s·rowStride + d`. */
export interface Heads {
  readonly data: Float64Array<ArrayBuffer>
  readonly offset: number
  readonly batch: number
  readonly heads: number
  readonly length: number
  /** Elements per vector. */
  readonly size: number
  readonly batchStride: number
  readonly headStride: number
  readonly rowStride: number
}

/** The positions of one head as a matrix of `length × size`. */
export function headMatrix({ data, offset, batchStride, headStride, rowStride }: Heads, batch: number, head: number): Matrix {
  return { data, offset: offset + batch * batchStride + head * headStride, rowStride, columnStride: 1 }
}

/** Values laid out `batch × heads × length × size`. */
export function headsFirst(data: Float64Array<ArrayBuffer>, batch: number, heads: number, length: number, size: number): Heads {
  return { data, offset: 0, batch, heads, length, size, batchStride: heads * length * size, headStride: length * size, rowStride: size }
}

/** Values laid out `batch × length × heads·size`; `rowStride` and `offset` take them out of wider rows. */
export function headsLast(
  data: Float64Array<ArrayBuffer>,
  batch: number,
  heads: number,
  length: number,
  size: number,
  { rowStride = heads * size, offset = 0 }: { readonly rowStride?: number; readonly offset?: number } = {},
): Heads {
  return { data, offset, batch, heads, length, size, batchStride: length * rowStride, headStride: size, rowStride }
}

/**
 * A tensor as heads: `[batch, heads, length, size]`, or `[batch, length, heads·size]` where the node says how many heads.
 *
 * @throws HenceError `SHAPE_MISMATCH`
 */
export function headsOf(call: OperatorCall, input: GraphTensor, heads: number | undefined, what: string): Heads {
  const { shape } = input
  if (shape.length === 4) {
    const [batch, own, length, size] = shape as [number, number, number, number]
    return headsFirst(numbersOf(call, input), batch, own, length, size)
  }
  checkShape(shape.length === 3, call, `${what} must have 3 or 4 axes, has the shape ${showShape(shape)}`)
  const [batch, length, width] = shape as [number, number, number]
  const fits = heads !== undefined && Number.isSafeInteger(heads) && heads > 0 && width % heads === 0
  checkShape(fits, call, `${what} of shape ${showShape(shape)} does not split into ${heads ?? 'an unknown number of'} heads`, {
    shape,
    heads,
  })
  return headsLast(numbersOf(call, input), batch, heads, length, width / heads)
}

/** Zeros in the layout of a tensor with `rank` axes (3 or 4). @throws HenceError `OUT_OF_MEMORY` */
export function emptyHeads(call: OperatorCall, rank: number, batch: number, heads: number, length: number, size: number): Heads {
  const data = workNumbers(call, checkedCount(call, [batch, heads, length, size]))
  return rank === 4 ? headsFirst(data, batch, heads, length, size) : headsLast(data, batch, heads, length, size)
}

/** The tensor of heads from {@link emptyHeads}. */
export function headsTensor(
  call: OperatorCall,
  { data, batch, heads, length, size }: Heads,
  rank: number,
  dtype: GraphTensor['dtype'],
): GraphTensor {
  return tensorFromNumbers(call, dtype, rank === 4 ? [batch, heads, length, size] : [batch, length, heads * size], data)
}

/**
 * The vectors of a cache followed by new ones, laid out `batch × heads × length × size`.
 *
 * @param past - `[batch, heads, pastLength, size]`
 * @throws HenceError `SHAPE_MISMATCH`
 */
export function joinPast(call: OperatorCall, past: GraphTensor | undefined, now: Heads, what: string): Heads {
  const fits =
    !past || (past.shape.length === 4 && past.shape[0] === now.batch && past.shape[1] === now.heads && past.shape[3] === now.size)
  checkShape(fits, call, `${what} ${showShape(past?.shape ?? [])} does not fit ${now.batch} × ${now.heads} heads of ${now.size}`)
  const before = past ? past.shape[2]! : 0
  const joined = emptyHeads(call, 4, now.batch, now.heads, before + now.length, now.size)
  const old = past && numbersOf(call, past)
  for (let b = 0; b < now.batch; b++)
    for (let h = 0; h < now.heads; h++) {
      const row = b * joined.batchStride + h * joined.headStride
      if (old) joined.data.set(old.subarray((b * now.heads + h) * before * now.size, (b * now.heads + h + 1) * before * now.size), row)
      for (let s = 0; s < now.length; s++) {
        const read = now.offset + b * now.batchStride + h * now.headStride + s * now.rowStride
        joined.data.set(now.data.subarray(read, read + now.size), row + (before + s) * now.size)
      }
    }
  return joined
}
