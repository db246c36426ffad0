import { elementCount } from '../../../core/index.ts'
import { checkShape, type Operator, type OperatorCall, tensorInput } from '../../operator.ts'
import { showShape } from '../support/index.ts'
import { checkGraph } from '../support/values.ts'

/** The truth value of a bool tensor of one element. @throws HenceError `GRAPH_INVALID`, `SHAPE_MISMATCH` */
export function conditionInput(call: OperatorCall, position: number): boolean {
  const { dtype, shape, data } = tensorInput(call, position)
  checkGraph(dtype === 'bool', call, `the condition must be bool, is ${dtype}`)
  checkShape(elementCount(shape) === 1, call, `the condition must be one value, has the shape ${showShape(shape)}`, { shape })
  return data[0] !== 0
}

/** Runs one of two bodies, which see the values around them. */
const branch: Operator = {
  domain: '',
  name: 'If',
  run: call => {
    const body = call.attributes.graph(conditionInput(call, 0) ? 'then_branch' : 'else_branch')
    const { length } = body.outputs
    checkGraph(length >= call.outputCount, call, `the branch gives ${length} values, the node names ${call.outputCount}`)
    return call.host.runGraph(body, [])
  },
}

/** Choice between bodies. */
export const branchOperators: readonly Operator[] = [branch]
