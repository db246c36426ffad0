import { allocate, type DType, type ElementArrayOf, type ElementType } from './dtype.ts'
import { HenceError } from './errors.ts'

/** A dense row-major array: `data.length` equals the product of `shape` (twice that for complex numbers). */
export interface Tensor<D extends ElementType = DType> {
  readonly dtype: D
  readonly shape: readonly number[]
  readonly data: ElementArrayOf[D]
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
export function tensor<D extends ElementType>(dtype: D, shape: readonly number[], data?: ElementArrayOf[D]): Tensor<D> {
  const count = elementCount(shape) * (dtype === 'c64' || dtype === 'c128' ? 2 : 1)
  const values = data ?? allocate(dtype, count)
  if (values.length !== count)
    throw new HenceError(
      'OPTION_INVALID',
      `a ${dtype} tensor of shape [${shape.join(', ')}] needs ${count} elements, got ${values.length}`,
      { dtype, shape, length: values.length },
    )
  return { dtype, shape, data: values }
}
