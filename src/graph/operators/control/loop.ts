import type { OnnxGraph } from '../../../formats/index.ts'
import { type GraphTensor, type Operator, unsupportedVariant, type Value } from '../../operator.ts'
import { integerInput } from '../support/index.ts'
import { checkGraph, isTensor } from '../support/values.ts'
import { conditionInput } from './if.ts'
import { createPacer } from './pacer.ts'
import { ScanOutput } from './scan-output.ts'

/**
 * Runs a body until a trip count is reached or a condition is false; without a condition operand the body's own is ignored.
 * Values of any kind are carried from one iteration to the next, further outputs are stacked.
 */
const loop: Operator = {
  domain: '',
  name: 'Loop',
  run: async call => {
    const body = call.attributes.graph('body')
    const trips = call.inputs[0] === undefined ? Number.POSITIVE_INFINITY : integerInput(call, 0, 'trip count')
    const isConditional = call.inputs[1] !== undefined
    let condition = !isConditional || conditionInput(call, 1)
    let carried = call.inputs.slice(2).map((value, at): Value => {
      checkGraph(value !== undefined, call, `input ${at + 2} is missing`)
      return value
    })
    const { length } = carried
    checkGraph(body.inputs.length === length + 2, call, `the body takes ${body.inputs.length} values, gets ${length + 2}`)
    checkGraph(
      body.outputs.length > length,
      call,
      `the body gives ${body.outputs.length} values for ${length} carried ones and a condition`,
    )
    const scans = body.outputs.slice(length + 1).map((_, at) => new ScanOutput(call, body, length + 1 + at))
    const limit = call.host.maxLoopIterations
    const pace = createPacer(call.host.signal)
    for (let iteration = 0; iteration < trips && condition; iteration++) {
      if (iteration >= limit) throw unsupportedVariant(call, `a loop of more than ${limit} iterations`)
      await pace()
      const outputs = await call.host.runGraph(body, [...countersOf(body, iteration, condition), ...carried])
      const next = outputs[0]
      checkGraph(next !== undefined && isTensor(next) && next.dtype === 'bool', call, 'the body must give a bool condition first')
      if (isConditional) condition = next.data[0] !== 0
      carried = outputs.slice(1, length + 1)
      for (const [at, scan] of scans.entries()) scan.push(outputs[length + 1 + at])
    }
    return [...carried, ...scans.map(scan => scan.stacked())]
  },
}

/** Iteration number and condition, of the rank the body states. */
function countersOf(body: OnnxGraph, iteration: number, condition: boolean): [GraphTensor, GraphTensor] {
  return [
    { dtype: 'i64', shape: counterShape(body, 0), data: BigInt64Array.of(BigInt(iteration)) },
    { dtype: 'bool', shape: counterShape(body, 1), data: Uint8Array.of(condition ? 1 : 0) },
  ]
}

function counterShape(body: OnnxGraph, input: number): number[] {
  const type = body.inputs[input]?.type
  return type?.kind === 'tensor' && type.shape?.length === 1 ? [1] : []
}

/** Repetition of a body. */
export const loopOperators: readonly Operator[] = [loop]
