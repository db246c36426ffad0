import { HenceError } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import {
  cellsOf,
  checkSameType,
  copyStrided,
  gatherStrided,
  integersFromInputOrAttribute,
  normalizeAxis,
  outputTensor,
  sameShape,
  showShape,
  stridesOf,
} from '../support/index.ts'

/** Tensors joined along an existing axis. @throws HenceError `SHAPE_MISMATCH` where they differ along another */
export function concatenate(call: OperatorCall, inputs: readonly GraphTensor[], axisGiven: number): GraphTensor {
  const first = inputs[0]
  if (!first) throw new HenceError('GRAPH_INVALID', `${call.node}: it needs at least one input`, { node: call.node })
  checkSameType(call, ...inputs)
  const axis = normalizeAxis(call, axisGiven, first.shape.length)
  const others = (shape: readonly number[]): number[] => shape.map((size, at) => (at === axis ? 0 : size))
  for (const { shape } of inputs)
    checkShape(
      sameShape(others(shape), others(first.shape)),
      call,
      `shapes ${showShape(first.shape)} and ${showShape(shape)} differ beside axis ${axis}`,
      {
        shapes: inputs.map(input => input.shape),
        axis,
      },
    )
  const total = inputs.reduce((sum, { shape }) => sum + shape[axis]!, 0)
  const output = outputTensor(
    call,
    first.dtype,
    first.shape.map((size, at) => (at === axis ? total : size)),
  )
  const strides = stridesOf(output.shape)
  const target = cellsOf(output)
  let start = 0
  for (const input of inputs) {
    const from = { cells: cellsOf(input), strides: stridesOf(input.shape) }
    copyStrided(input.shape, from, { cells: target, strides, offset: start * strides[axis]! })
    start += input.shape[axis]!
  }
  return output
}

const concat: Operator = {
  domain: '',
  name: 'Concat',
  run: call => {
    const inputs = call.inputs.map((_, position) => tensorInput(call, position))
    return [concatenate(call, inputs, call.version < 4 ? call.attributes.int('axis', 1) : call.attributes.int('axis'))]
  },
}

const split: Operator = {
  domain: '',
  name: 'Split',
  run: call => {
    const input = tensorInput(call, 0)
    const { shape } = input
    const axis = normalizeAxis(call, call.attributes.int('axis', 0), shape.length)
    const size = shape[axis]!
    const sizes = integersFromInputOrAttribute(call, 1, 'split') ?? evenSizes(call, size)
    const total = sizes.reduce((sum, part) => sum + part, 0)
    const fits = total === size && sizes.every(part => part >= 0)
    checkShape(fits, call, `parts ${showShape(sizes)} do not fill axis ${axis} of size ${size}`, { split: sizes, axis, size })
    const strides = stridesOf(shape)
    let start = 0
    return sizes.map(part => {
      const offset = start * strides[axis]!
      start += part
      return gatherStrided(
        call,
        input,
        shape.map((length, at) => (at === axis ? part : length)),
        strides,
        offset,
      )
    })
  },
}

/** As many equal parts as the node has outputs; from version 18 on the last may be smaller. */
function evenSizes(call: OperatorCall, size: number): number[] {
  const count = call.attributes.int('num_outputs', call.outputCount)
  checkShape(count >= 1 && count <= 2 ** 16, call, `${count} parts of an axis of size ${size}`, { count, size })
  checkShape(call.version >= 18 || size % count === 0, call, `an axis of size ${size} has no ${count} equal parts`, { count, size })
  const part = Math.ceil(size / count)
  return Array.from({ length: count }, (_, at) => Math.max(Math.min(part, size - at * part), 0))
}

/** Tensors joined and taken apart along an axis. */
export const joins: readonly Operator[] = [concat, split]
