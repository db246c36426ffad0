import { elementCount } from '../../../core/index.ts'
import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import {
  cellsOf,
  copyCells,
  indexInto,
  indicesInto,
  integersInput,
  normalizeAxis,
  outputTensor,
  showShape,
  stridesOf,
} from '../support/index.ts'
import { elementOffsets, tupleOffsets } from './index-offsets.ts'

/** Slices of an axis by index. */
const gather: Operator = {
  domain: '',
  name: 'Gather',
  run: call => {
    const [data, indices] = [tensorInput(call, 0), tensorInput(call, 1)]
    const axis = normalizeAxis(call, call.attributes.int('axis', 0), data.shape.length)
    const size = data.shape[axis]!
    const positions = indicesInto(call, indices, size)
    const output = outputTensor(call, data.dtype, [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)])
    const [from, to] = [cellsOf(data), cellsOf(output)]
    const block = elementCount(data.shape.slice(axis + 1)) * from.lanes
    const outer = elementCount(data.shape.slice(0, axis))
    let write = 0
    for (let lead = 0; lead < outer; lead++)
      for (let at = 0; at < positions.length; at++) {
        copyCells(from.data, (lead * size + positions[at]!) * block, to.data, write, block)
        write += block
      }
    return [output]
  },
}

/** Single elements by index along an axis. */
const gatherElements: Operator = {
  domain: '',
  name: 'GatherElements',
  run: call => {
    const [data, indices] = [tensorInput(call, 0), tensorInput(call, 1)]
    const axis = normalizeAxis(call, call.attributes.int('axis', 0), data.shape.length)
    const offsets = elementOffsets(call, data.shape, indices, axis)
    const output = outputTensor(call, data.dtype, indices.shape)
    const [from, to] = [cellsOf(data), cellsOf(output)]
    for (let at = 0; at < offsets.length; at++) copyCells(from.data, offsets[at]! * from.lanes, to.data, at * from.lanes, from.lanes)
    return [output]
  },
}

/** Slices by tuples of indices, after `batch_dims` axes that data and indices share. */
const gatherNd: Operator = {
  domain: '',
  name: 'GatherND',
  run: call => {
    const [data, indices] = [tensorInput(call, 0), tensorInput(call, 1)]
    const batchDims = call.attributes.int('batch_dims', 0)
    const width = indices.shape.at(-1) ?? 0
    const fits = batchDims >= 0 && batchDims < indices.shape.length && batchDims + width <= data.shape.length
    const message = `index tuples of ${width} after ${batchDims} batch axes do not fit data of shape ${showShape(data.shape)}`
    checkShape(fits && indices.shape.length > 0, call, message, { data: data.shape, indices: indices.shape, batchDims })
    for (let axis = 0; axis < batchDims; axis++)
      checkShape(data.shape[axis] === indices.shape[axis], call, `batch axis ${axis} differs between data and indices`, {
        data: data.shape,
        indices: indices.shape,
      })
    const rest = data.shape.slice(batchDims + width)
    const output = outputTensor(call, data.dtype, [...indices.shape.slice(0, -1), ...rest])
    const inner = data.shape.slice(batchDims)
    const offsets = tupleOffsets(call, inner, integersInput(call, 1, 'indices'), width, elementCount(indices.shape.slice(0, -1)))
    const [from, to] = [cellsOf(data), cellsOf(output)]
    const block = elementCount(rest) * from.lanes
    const perBatch = offsets.length / Math.max(elementCount(data.shape.slice(0, batchDims)), 1)
    const batchSize = elementCount(inner)
    for (let at = 0; at < offsets.length; at++) {
      const start = Math.floor(at / perBatch) * batchSize + offsets[at]!
      copyCells(from.data, start * from.lanes, to.data, at * block, block)
    }
    return [output]
  },
}

/** The slices of an axis, or elements of the flat tensor, that a condition keeps. */
const compress: Operator = {
  domain: '',
  name: 'Compress',
  run: call => {
    const [data, condition] = [tensorInput(call, 0), tensorInput(call, 1)]
    const axis = call.attributes.has('axis') ? normalizeAxis(call, call.attributes.int('axis'), data.shape.length) : undefined
    const flags = condition.data as Uint8Array
    const size = axis === undefined ? elementCount(data.shape) : data.shape[axis]!
    checkShape(condition.dtype === 'bool' && condition.shape.length === 1, call, `the condition must be a list of booleans`, {
      shape: condition.shape,
    })
    const kept: number[] = []
    for (let index = 0; index < flags.length; index++) if (flags[index]) kept.push(indexInto(call, index, size, 'kept index'))
    const shape = axis === undefined ? [kept.length] : data.shape.map((length, at) => (at === axis ? kept.length : length))
    const output = outputTensor(call, data.dtype, shape)
    const [from, to] = [cellsOf(data), cellsOf(output)]
    const block = axis === undefined ? from.lanes : stridesOf(data.shape)[axis]! * from.lanes
    const outer = axis === undefined ? 1 : elementCount(data.shape.slice(0, axis))
    let write = 0
    for (let lead = 0; lead < outer; lead++)
      for (const index of kept) {
        copyCells(from.data, (lead * size + index) * block, to.data, write, block)
        write += block
      }
    return [output]
  },
}

/** Elements and slices by index. */
export const gathers: readonly Operator[] = [gather, gatherElements, gatherNd, compress]
