import { type Operator, tensorInput, type Value } from '../../operator.ts'
import { indexInto, indexTensor, integerInput } from '../support/index.ts'
import { checkGraph, isTensor, kindOf, sequenceInput, sequenceOf } from '../support/values.ts'

/** A list of the operands, which are tensors of one element type. */
const sequenceConstruct: Operator = {
  domain: '',
  name: 'SequenceConstruct',
  run: call => {
    const items = call.inputs.map((_, position) => tensorInput(call, position))
    for (const { dtype } of items)
      checkGraph(dtype === items[0]!.dtype, call, `items must share an element type, are ${items[0]!.dtype} and ${dtype}`)
    return [sequenceOf(items)]
  },
}

/** A list without items. */
const sequenceEmpty: Operator = { domain: '', name: 'SequenceEmpty', run: () => [sequenceOf([])] }

/** A list with one more item, before `position` or at the end. */
const sequenceInsert: Operator = {
  domain: '',
  name: 'SequenceInsert',
  run: call => {
    const { items } = sequenceInput(call, 0)
    const item = tensorInput(call, 1)
    const first = items[0]
    const fits = first === undefined || (isTensor(first) && first.dtype === item.dtype)
    checkGraph(fits, call, `an item of ${item.dtype} does not fit a sequence that holds ${first === undefined ? '' : kindOf(first)}`)
    const position = call.inputs[2] === undefined ? items.length : integerInput(call, 2, 'position')
    const at = position === items.length ? position : indexInto(call, position, items.length, 'position')
    return [sequenceOf(items.toSpliced(at, 0, item))]
  },
}

/** A list with one item less, the last unless `position` names another. */
const sequenceErase: Operator = {
  domain: '',
  name: 'SequenceErase',
  run: call => {
    const { items } = sequenceInput(call, 0)
    const position = call.inputs[1] === undefined ? -1 : integerInput(call, 1, 'position')
    return [sequenceOf(items.toSpliced(indexInto(call, position, items.length, 'position'), 1))]
  },
}

/** One item of a list. */
const sequenceAt: Operator = {
  domain: '',
  name: 'SequenceAt',
  run: call => {
    const { items } = sequenceInput(call, 0)
    const item: Value = items[indexInto(call, integerInput(call, 1, 'position'), items.length, 'position')]!
    return [item]
  },
}

/** How many items a list has, as a scalar. */
const sequenceLength: Operator = {
  domain: '',
  name: 'SequenceLength',
  run: call => [indexTensor(call, [], [sequenceInput(call, 0).items.length])],
}

/** Building and reading lists. */
export const sequenceBasicOperators: readonly Operator[] = [
  sequenceConstruct,
  sequenceEmpty,
  sequenceInsert,
  sequenceErase,
  sequenceAt,
  sequenceLength,
]
