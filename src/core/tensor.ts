import { allocate, type DType, type TypedArrayOf } from './dtype.ts'
import { HenceError } from './errors.ts'

/** A dense row-major array: `data.length` equals the product of `shape`. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D
  readonly shape: readonly number[]
  readonly data: TypedArrayOf[D]
}

/** Number of elements of a shape; 1 for a scalar (empty shape). */
export function elementCount(shape: readonly number[]): number {
  let count = 1
  for (const size of shape) count *= size
  return count
}

/**
 * A tensor over `data`, which is not copied; zero-filled without `data`.
 *
 * @throws HenceError `OPTION_INVALID` when the length does not match the shape
 * @example
 * ```ts
 * import { tensor } from 'hence'
 * const image = tensor('f32', [1, 3, 2, 2], new Float32Array(12))
 * ```
 */
export function tensor<D extends DType>(dtype: D, shape: readonly number[], data?: TypedArrayOf[D]): Tensor<D> {
  const count = elementCount(shape)
  const values = data ?? allocate(dtype, count)
  if (values.length !== count)
    throw new HenceError(
      'OPTION_INVALID',
      `a ${dtype} tensor of shape [${shape.join(', ')}] needs ${count} elements, got ${values.length}`,
      { dtype, shape, length: values.length },
    )
  return { dtype, shape, data: values }
}
