import type { Operator, Value } from '../../operator.ts'
import { outputTensor } from '../support/index.ts'
import { checkGraph, isTensor } from '../support/values.ts'

/** A value that may be absent: the operand, or nothing without one. */
const optional: Operator = {
  domain: '',
  name: 'Optional',
  run: ({ inputs }) => [{ kind: 'optional', value: inputs[0] }],
}

/** The value inside an optional; what is none passes unchanged. */
function contentOf(value: Value | undefined): Value | undefined {
  return value !== undefined && !isTensor(value) && value.kind === 'optional' ? value.value : value
}

/** Whether there is a value, as a scalar. */
const optionalHasElement: Operator = {
  domain: '',
  name: 'OptionalHasElement',
  run: call => {
    const output = outputTensor(call, 'bool', [])
    output.data[0] = contentOf(call.inputs[0]) === undefined ? 0 : 1
    return [output]
  },
}

/** The value inside an optional. */
const optionalGetElement: Operator = {
  domain: '',
  name: 'OptionalGetElement',
  run: call => {
    const content = contentOf(call.inputs[0])
    checkGraph(content !== undefined, call, 'the optional is empty')
    return [content]
  },
}

/** Values that may be absent. */
export const optionalOperators: readonly Operator[] = [optional, optionalHasElement, optionalGetElement]
