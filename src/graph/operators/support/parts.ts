import { checkShape, type GraphTensor, type OperatorCall } from '../../operator.ts'
import { cellsOf, copyCells, gatherStrided, withShape } from './cells.ts'
import { checkSameType } from './map.ts'
import { outputTensor } from './output.ts'
import { showShape, stridesOf } from './shapes.ts'

/** `length` slices of `input` along `axis` from `start` on. */
export function sliceAlong(call: OperatorCall, input: GraphTensor, axis: number, start: number, length: number): GraphTensor {
  const strides = stridesOf(input.shape)
  return gatherStrided(call, input, input.shape.with(axis, length), strides, start * strides[axis]!)
}

/** The slice of `input` at `index` of `axis`, without that axis. */
export function elementAlong(call: OperatorCall, input: GraphTensor, axis: number, index: number): GraphTensor {
  return withShape(sliceAlong(call, input, axis, index, 1), input.shape.toSpliced(axis, 1))
}

/**
 * Tensors one after the other along an axis they share.
 *
 * @param tensors - at least one
 * @throws HenceError `SHAPE_MISMATCH` where sizes of other axes differ, `OPERATOR_UNSUPPORTED` for mixed element types
 */
export function joinAlong(call: OperatorCall, tensors: readonly GraphTensor[], axis: number): GraphTensor {
  checkSameType(call, ...tensors)
  const first = tensors[0]!
  let total = 0
  for (const { shape } of tensors) {
    const fits = shape.length === first.shape.length && shape.every((size, at) => at === axis || size === first.shape[at])
    checkShape(fits, call, `shapes ${showShape(first.shape)} and ${showShape(shape)} do not join along axis ${axis}`, { axis })
    total += shape[axis]!
  }
  const output = outputTensor(call, first.dtype, first.shape.with(axis, total))
  const target = cellsOf(output)
  const outer = first.shape.slice(0, axis).reduce((count, size) => count * size, 1)
  const rowCells = outer === 0 ? 0 : target.data.length / outer
  let offset = 0
  for (const tensor of tensors) {
    const { data } = cellsOf(tensor)
    const cells = outer === 0 ? 0 : data.length / outer
    for (let row = 0; row < outer; row++) copyCells(data, row * cells, target.data, row * rowCells + offset, cells)
    offset += cells
  }
  return output
}

/** Tensors of one shape stacked along a new axis. @throws HenceError as {@link joinAlong} */
export function stackAlong(call: OperatorCall, tensors: readonly GraphTensor[], axis: number): GraphTensor {
  return joinAlong(
    call,
    tensors.map(tensor => withShape(tensor, tensor.shape.toSpliced(axis, 0, 1))),
    axis,
  )
}
