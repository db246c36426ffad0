import { allocate, type ElementArrayOf, type ElementType, HenceError, type Tensor } from '../../../core/index.ts'
import type { OperatorCall } from '../../operator.ts'
import { showShape } from './shapes.ts'

/** No output has more elements than this. */
export const MAX_OUTPUT_ELEMENTS: number = 2 ** 31

/** Strings are objects, of which far fewer fit. */
const MAX_OUTPUT_STRINGS = 2 ** 26

/** Entries an element takes in the array that holds it: 2 for complex numbers. */
export function entriesPerElement(dtype: ElementType): 1 | 2 {
  return dtype === 'c64' || dtype === 'c128' ? 2 : 1
}

/**
 * Number of elements of an output's shape, checked before anything is allocated.
 *
 * @throws HenceError `SHAPE_MISMATCH` for a size that is no size, `OUT_OF_MEMORY` beyond {@link MAX_OUTPUT_ELEMENTS}
 */
export function checkedCount(call: OperatorCall, shape: readonly number[], dtype: ElementType = 'u8'): number {
  let count = 1
  let empty = false
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0)
      throw new HenceError('SHAPE_MISMATCH', `${call.node}: output shape ${showShape(shape)} has the size ${size}`, {
        node: call.node,
        shape,
      })
    if (size === 0) empty = true
    else count *= size
  }
  const limit = dtype === 'string' ? MAX_OUTPUT_STRINGS : MAX_OUTPUT_ELEMENTS
  // A size beyond the limit is refused beside an empty axis too: work along it would be as long.
  if (count > limit)
    throw new HenceError('OUT_OF_MEMORY', `${call.node}: output shape ${showShape(shape)} has more than ${limit} elements`, {
      node: call.node,
      shape,
      limit,
    })
  return empty ? 0 : count
}

/** A zero-filled output. @throws HenceError `SHAPE_MISMATCH`, `OUT_OF_MEMORY` */
export function outputTensor<D extends ElementType>(call: OperatorCall, dtype: D, shape: readonly number[]): Tensor<D> {
  const entries = checkedCount(call, shape, dtype) * entriesPerElement(dtype)
  return { dtype, shape, data: reserve(call, () => allocate(dtype, entries)) as ElementArrayOf[D] }
}

/** Room to compute in. @throws HenceError `OUT_OF_MEMORY` */
export function workNumbers(call: OperatorCall, length: number): Float64Array<ArrayBuffer> {
  return reserve(call, () => new Float64Array(length))
}

/** What `make` allocates; the engine's own refusal becomes `OUT_OF_MEMORY`. */
export function reserve<T>(call: OperatorCall, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new HenceError('OUT_OF_MEMORY', `${call.node}: memory for its result is refused`, { node: call.node, cause })
  }
}
