import { elementCount } from '../../../core/index.ts'
import type { GraphTensor, OperatorCall } from '../../operator.ts'
import { outputTensor } from './output.ts'
import { forEachRow } from './rows.ts'
import { stridesOf } from './shapes.ts'

/** Storage of a tensor for operators that only move elements: few kinds of array, whatever the element type. */
export type CellArray = Uint8Array | Uint16Array | Uint32Array | string[]

/** A tensor's storage as cells; an element is `lanes` neighbouring cells. */
export interface Cells {
  readonly data: CellArray
  readonly lanes: number
}

/** The storage of a tensor as cells, not copied. */
export function cellsOf(tensor: GraphTensor): Cells {
  const { data } = tensor
  if (Array.isArray(data)) return { data, lanes: 1 }
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: bytes } = data
  const pairs = tensor.dtype === 'c64' || tensor.dtype === 'c128' ? 2 : 1
  if (bytes === 1) return { data: new Uint8Array(buffer, byteOffset, byteLength), lanes: 1 }
  if (bytes === 2) return { data: new Uint16Array(buffer, byteOffset, byteLength / 2), lanes: 1 }
  return { data: new Uint32Array(buffer, byteOffset, byteLength / 4), lanes: (bytes / 4) * pairs }
}

/** An array under a walk: offset and strides in elements. */
export interface StridedCells {
  readonly cells: Cells
  readonly offset?: number
  readonly strides: readonly number[]
}

/** Copies `shape` elements from one strided array of an element type to another of the same type. */
export function copyStrided(shape: readonly number[], from: StridedCells, to: StridedCells): void {
  const { lanes } = to.cells
  const source = from.cells.data as { [index: number]: unknown }
  const target = to.cells.data as { [index: number]: unknown }
  const sizes = [...shape, lanes]
  const sourceStrides = [...from.strides.map(stride => stride * lanes), 1]
  const targetStrides = [...to.strides.map(stride => stride * lanes), 1]
  const starts = [(from.offset ?? 0) * lanes, (to.offset ?? 0) * lanes]
  forEachRow(
    sizes,
    [sourceStrides, targetStrides],
    (offsets, length, steps) => {
      let read = offsets[0]!
      let write = offsets[1]!
      const [step, stride] = [steps[0]!, steps[1]!]
      if (step === 1 && stride === 1 && length >= 32) return copyCells(from.cells.data, read, to.cells.data, write, length)
      for (let count = length; count > 0; count--) {
        target[write] = source[read]
        read += step
        write += stride
      }
    },
    starts,
  )
}

/** Copies neighbouring cells between arrays of one kind. */
export function copyCells(from: CellArray, read: number, to: CellArray, write: number, length: number): void {
  // A view costs more than a short loop.
  if (length >= 32 && !Array.isArray(to)) {
    to.set((from as Uint8Array).subarray(read, read + length), write)
    return
  }
  const target = to as { [index: number]: unknown }
  for (let index = 0; index < length; index++) target[write + index] = from[read + index]
}

/** The elements a strided walk over `input` meets, as a new tensor of `shape`. */
export function gatherStrided(
  call: OperatorCall,
  input: GraphTensor,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): GraphTensor {
  const output = outputTensor(call, input.dtype, shape)
  copyStrided(shape, { cells: cellsOf(input), strides, offset }, { cells: cellsOf(output), strides: stridesOf(shape) })
  return output
}

/** The same elements in the same order under another shape; the data is shared. */
export function withShape(input: GraphTensor, shape: readonly number[]): GraphTensor {
  return { dtype: input.dtype, shape, data: input.data } as GraphTensor
}

/** A copy with its own data. */
export function cloneTensor(call: OperatorCall, input: GraphTensor): GraphTensor {
  const output = outputTensor(call, input.dtype, input.shape)
  const cells = cellsOf(input)
  copyCells(cells.data, 0, cellsOf(output).data, 0, elementCount(input.shape) * cells.lanes)
  return output
}
