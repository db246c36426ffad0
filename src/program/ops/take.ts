import { check, i32, type Op, operand } from '../op.ts'

export interface TakeAttributes {
  /** Axis of x the indices count along. */
  readonly axis: number
}

/**
 * Slices of x by index along an axis: x `[before…, N, after…]` of any dtype, indices i32 `[…]`, y `[before…, indices…,
 * after…]`. A negative index counts from the end; one outside −N .. N − 1 gives zeros.
 */
export const take: Op<TakeAttributes> = {
  name: 'take',
  operands: ['x', 'indices'],
  infer([x, indices], { axis }) {
    check(x !== undefined && Number.isInteger(axis) && axis >= 0 && axis < x.shape.length, 'take', `axis ${axis} is not an axis of x`)
    const { shape } = operand('take', 'indices', indices, 'i32')
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...shape, ...x.shape.slice(axis + 1)] }]
  },
  run({ inputs: [x, indices], outputs: [y], attributes: { axis } }) {
    const ids = i32(indices)
    const size = x!.shape[axis]!
    const width = x!.shape.slice(axis + 1).reduce((product, count) => product * count, 1)
    const outer = x!.shape.slice(0, axis).reduce((product, count) => product * count, 1)
    y!.data.fill((y!.data instanceof BigInt64Array || y!.data instanceof BigUint64Array ? 0n : 0) as never)
    for (let o = 0; o < outer; o++)
      for (const [i, id] of ids.entries()) {
        const row = id < 0 ? id + size : id
        if (row < 0 || row >= size) continue
        const from = (o * size + row) * width
        // Same dtype by `infer`; the union type cannot say so.
        y!.data.set(x!.data.subarray(from, from + width) as never, (o * ids.length + i) * width)
      }
  },
}
