import type { Operator, Value } from '../../operator.ts'
import { createPacer } from '../control/pacer.ts'
import { checkGraph, isTensor, sequenceInput, sequenceOf } from '../support/values.ts'

/** Runs a body for each item of the first operand; further lists are walked along with it, other values are passed as they are. */
const sequenceMap: Operator = {
  domain: '',
  name: 'SequenceMap',
  run: async call => {
    const body = call.attributes.graph('body')
    const { length } = sequenceInput(call, 0).items
    const operands = call.inputs.map((value, position) => {
      checkGraph(value !== undefined, call, `input ${position} is missing`)
      if (isTensor(value) || value.kind !== 'sequence') return value
      const { items } = value
      checkGraph(items.length === length, call, `sequences of ${length} and ${items.length} items do not go together`)
      return items
    })
    checkGraph(body.inputs.length === operands.length, call, `the body takes ${body.inputs.length} values, gets ${operands.length}`)
    const results: Value[][] = body.outputs.map(() => [])
    const pace = createPacer(call.host.signal)
    for (let index = 0; index < length; index++) {
      await pace()
      const inputs = operands.map(operand => (Array.isArray(operand) ? (operand[index] as Value) : (operand as Value)))
      const outputs = await call.host.runGraph(body, inputs)
      for (const [at, result] of results.entries()) result.push(outputs[at]!)
    }
    return results.map(sequenceOf)
  },
}

/** Bodies over lists. */
export const sequenceMapOperators: readonly Operator[] = [sequenceMap]
