import { checkShape, type GraphTensor, type OperatorCall } from '../../operator.ts'
import { forEachRow, indexInto, integersOf, showShape, stridesOf, workNumbers } from '../support/index.ts'

/**
 * For each index its element's offset in data of `shape`: the index along `axis`, its own position along the other axes.
 *
 * @throws HenceError `SHAPE_MISMATCH` for an index outside the axis or indices that reach beyond the other axes
 */
export function elementOffsets(
  call: OperatorCall,
  shape: readonly number[],
  indices: GraphTensor,
  axis: number,
): Float64Array<ArrayBuffer> {
  const fits = indices.shape.length === shape.length && indices.shape.every((size, at) => at === axis || size <= shape[at]!)
  checkShape(fits, call, `indices of shape ${showShape(indices.shape)} do not fit data of shape ${showShape(shape)}`, {
    data: shape,
    indices: indices.shape,
    axis,
  })
  const values = integersOf(call, indices, 'indices')
  const offsets = workNumbers(call, values.length)
  const strides = stridesOf(shape)
  const [stride, size] = [strides[axis]!, shape[axis]!]
  const others = strides.map((own, at) => (at === axis ? 0 : own))
  forEachRow(indices.shape, [stridesOf(indices.shape), others], (starts, length, steps) => {
    for (let index = 0; index < length; index++) {
      const at = starts[0]! + index * steps[0]!
      offsets[at] = starts[1]! + index * steps[1]! + indexInto(call, values[at]!, size) * stride
    }
  })
  return offsets
}

/**
 * Offsets of the slices that tuples of `width` indices name in data of `shape`.
 *
 * @param count - number of tuples
 * @throws HenceError `SHAPE_MISMATCH` for an index outside its axis
 */
export function tupleOffsets(
  call: OperatorCall,
  shape: readonly number[],
  indices: readonly number[],
  width: number,
  count: number,
): Float64Array<ArrayBuffer> {
  const strides = stridesOf(shape)
  const offsets = workNumbers(call, count)
  for (let tuple = 0; tuple < count; tuple++) {
    let offset = 0
    for (let axis = 0; axis < width; axis++) offset += indexInto(call, indices[tuple * width + axis]!, shape[axis]!) * strides[axis]!
    offsets[tuple] = offset
  }
  return offsets
}
