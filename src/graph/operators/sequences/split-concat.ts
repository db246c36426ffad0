import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput } from '../../operator.ts'
import { integersOf, normalizeAxis } from '../support/index.ts'
import { elementAlong, joinAlong, sliceAlong, stackAlong } from '../support/parts.ts'
import { checkGraph, isTensor, kindOf, sequenceInput, sequenceOf } from '../support/values.ts'

const MAX_PARTS = 2 ** 24

/** Cuts a tensor along an axis into a list. */
const splitToSequence: Operator = {
  domain: '',
  name: 'SplitToSequence',
  run: call => {
    const input = tensorInput(call, 0)
    const axis = normalizeAxis(call, call.attributes.int('axis', 0), input.shape.length)
    const size = input.shape[axis]!
    const split = optionalTensor(call, 1)
    if (!split) {
      checkShape(size <= MAX_PARTS, call, `${size} parts are more than ${MAX_PARTS}`, { size })
      const part = call.attributes.int('keepdims', 1) === 0 ? elementAlong : singleSlice
      return [sequenceOf(Array.from({ length: size }, (_, index) => part(call, input, axis, index)))]
    }
    const lengths = split.shape.length === 0 ? chunks(call, size, integersOf(call, split, 'split')[0]!) : integersOf(call, split, 'split')
    const total = lengths.reduce((sum, length) => sum + length, 0)
    const fits = total === size && lengths.every(length => length >= 0)
    checkShape(fits, call, `parts of ${lengths.slice(0, 8).join(', ')} do not fill axis ${axis} of ${size}`, { axis, size })
    let start = 0
    const parts = lengths.map(length => {
      start += length
      return sliceAlong(call, input, axis, start - length, length)
    })
    return [sequenceOf(parts)]
  },
}

function singleSlice(call: OperatorCall, input: GraphTensor, axis: number, index: number): GraphTensor {
  return sliceAlong(call, input, axis, index, 1)
}

/** Lengths of parts of `length` each, the last possibly shorter. */
function chunks(call: OperatorCall, size: number, length: number): number[] {
  checkShape(length > 0, call, `split must be positive, is ${length}`, { split: length })
  const count = Math.ceil(size / length)
  checkShape(count <= MAX_PARTS, call, `${count} parts are more than ${MAX_PARTS}`, { count })
  return Array.from({ length: count }, (_, index) => Math.min(length, size - index * length))
}

/** Joins the tensors of a list along an axis, or stacks them along a new one. */
const concatFromSequence: Operator = {
  domain: '',
  name: 'ConcatFromSequence',
  run: call => {
    const tensors = sequenceInput(call, 0).items.map(item => {
      checkGraph(isTensor(item), call, `the sequence must hold tensors, holds ${kindOf(item)}`)
      return item
    })
    const first = tensors[0]
    checkShape(first !== undefined, call, 'the sequence is empty')
    const isNew = call.attributes.int('new_axis', 0) !== 0
    const axis = normalizeAxis(call, call.attributes.int('axis'), first.shape.length + (isNew ? 1 : 0))
    return [isNew ? stackAlong(call, tensors, axis) : joinAlong(call, tensors, axis)]
  },
}

/** Between tensors and lists of tensors. */
export const sequenceTensorOperators: readonly Operator[] = [splitToSequence, concatFromSequence]
