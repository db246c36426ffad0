import type { OnnxGraph } from '../../../formats/index.ts'
import { checkShape, type GraphTensor, type Operator, type OperatorCall, optionalTensor, tensorInput, type Value } from '../../operator.ts'
import { integersOf, normalizeAxis, outputTensor } from '../support/index.ts'
import { elementAlong, joinAlong, stackAlong } from '../support/parts.ts'
import { checkGraph, isTensor } from '../support/values.ts'
import { createPacer } from './pacer.ts'
import { ScanOutput } from './scan-output.ts'

/** One walk of a body along its scanned operands. */
interface Walk {
  readonly states: readonly Value[]
  readonly scanned: readonly GraphTensor[]
  readonly axes: readonly number[]
  readonly isReversed: readonly boolean[]
  readonly length: number
}

/** Walks slices of tensors through a body, with a state carried along. */
const scan: Operator = {
  domain: '',
  name: 'Scan',
  run: call => (call.version < 9 ? batchedScan(call) : plainScan(call)),
}

async function plainScan(call: OperatorCall): Promise<readonly Value[]> {
  const body = call.attributes.graph('body')
  const { states, scanned } = operandsOf(call, body, 0)
  const axes = perOperand(call, 'scan_input_axes', scanned.length).map((axis, at) => normalizeAxis(call, axis, scanned[at]!.shape.length))
  const isReversed = perOperand(call, 'scan_input_directions', scanned.length).map(isBackward)
  const lengths = scanned.map(({ shape }, at) => shape[axes[at]!]!)
  const length = lengths[0]!
  checkShape(
    lengths.every(other => other === length),
    call,
    `scanned axes have the sizes ${lengths.join(', ')}`,
    { lengths },
  )
  const outputs = await walk(call, body, { states, scanned, axes, isReversed, length })
  const outputAxes = perOperand(call, 'scan_output_axes', outputs.scans.length)
  const outputDirections = perOperand(call, 'scan_output_directions', outputs.scans.length)
  return [...outputs.states, ...outputs.scans.map((output, at) => output.stacked(outputAxes[at]!, isBackward(outputDirections[at]!)))]
}

/** Version 8: axis 0 is the batch, axis 1 the sequence, and sequences may be shorter than the longest. */
async function batchedScan(call: OperatorCall): Promise<readonly Value[]> {
  const body = call.attributes.graph('body')
  const { states, scanned } = operandsOf(call, body, 1)
  const [batch = 0, longest = 0] = scanned[0]!.shape
  for (const { shape } of scanned)
    checkShape(shape.length >= 2 && shape[0] === batch && shape[1] === longest, call, 'scanned operands differ in batch or length')
  const given = optionalTensor(call, 0)
  const lengths = given ? integersOf(call, given, 'sequence_lens') : new Array<number>(batch).fill(longest)
  checkShape(lengths.length === batch, call, `${lengths.length} sequence lengths for a batch of ${batch}`)
  const isReversed = perOperand(call, 'directions', scanned.length).map(isBackward)
  const finals: GraphTensor[][] = states.map(() => [])
  const stacks: GraphTensor[][] = body.outputs.slice(states.length).map(() => [])
  for (let row = 0; row < batch; row++) {
    const length = lengths[row]!
    checkShape(length >= 0 && length <= longest, call, `sequence length ${length} is not within 0 and ${longest}`, { length, longest })
    const result = await walk(call, body, {
      states: states.map(state => elementAlong(call, tensorState(call, state), 0, row)),
      scanned: scanned.map(tensor => elementAlong(call, tensor, 0, row)),
      axes: scanned.map(() => 0),
      isReversed,
      length,
    })
    for (const [at, state] of result.states.entries()) finals[at]!.push(tensorState(call, state))
    for (const [at, output] of result.scans.entries()) stacks[at]!.push(padded(call, output.stacked(), longest))
  }
  checkShape(batch > 0, call, 'the batch is empty')
  return [...finals, ...stacks].map(list => stackAlong(call, list, 0))
}

async function walk(call: OperatorCall, body: OnnxGraph, { states, scanned, axes, isReversed, length }: Walk): Promise<Scanned> {
  const scans = body.outputs.slice(states.length).map((_, at) => new ScanOutput(call, body, states.length + at))
  const pace = createPacer(call.host.signal)
  let carried = states
  for (let step = 0; step < length; step++) {
    await pace()
    const elements = scanned.map((tensor, at) => elementAlong(call, tensor, axes[at]!, isReversed[at] ? length - 1 - step : step))
    const outputs = await call.host.runGraph(body, [...carried, ...elements])
    carried = outputs.slice(0, states.length)
    for (const [at, output] of scans.entries()) output.push(outputs[states.length + at])
  }
  return { states: carried, scans }
}

interface Scanned {
  readonly states: readonly Value[]
  readonly scans: readonly ScanOutput[]
}

interface Operands {
  readonly states: readonly Value[]
  readonly scanned: readonly GraphTensor[]
}

/** State variables and scanned tensors, from operand `first` on. */
function operandsOf(call: OperatorCall, body: OnnxGraph, first: number): Operands {
  const count = call.inputs.length - first
  const scannedCount = call.attributes.int('num_scan_inputs')
  checkGraph(scannedCount >= 1 && scannedCount <= count, call, `num_scan_inputs is ${scannedCount} of ${count} operands`)
  checkGraph(body.inputs.length === count, call, `the body takes ${body.inputs.length} values, gets ${count}`)
  const stateCount = count - scannedCount
  checkGraph(body.outputs.length >= stateCount, call, `the body gives ${body.outputs.length} values for ${stateCount} states`)
  const states = call.inputs.slice(first, first + stateCount).map((value, at): Value => {
    checkGraph(value !== undefined, call, `input ${first + at} is missing`)
    return value
  })
  const scanned = Array.from({ length: scannedCount }, (_, at) => tensorInput(call, first + stateCount + at))
  return { states, scanned }
}

/** An attribute of one integer per operand, zeros without it. */
function perOperand(call: OperatorCall, name: string, count: number): readonly number[] {
  const values = call.attributes.ints(name, [])
  if (values.length === 0) return new Array<number>(count).fill(0)
  checkGraph(values.length === count, call, `attribute ${name} has ${values.length} entries for ${count} operands`)
  return values
}

function isBackward(direction: number): boolean {
  return direction === 1
}

function tensorState(call: OperatorCall, state: Value): GraphTensor {
  checkGraph(isTensor(state), call, 'a batched state must be a tensor')
  return state
}

/** With zeros after its end, up to `length` along axis 0. */
function padded(call: OperatorCall, tensor: GraphTensor, length: number): GraphTensor {
  const own = tensor.shape[0]!
  if (own === length) return tensor
  return joinAlong(call, [tensor, outputTensor(call, tensor.dtype, tensor.shape.with(0, length - own))], 0)
}

/** Bodies along axes. */
export const scanOperators: readonly Operator[] = [scan]
