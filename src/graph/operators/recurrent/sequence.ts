import { HenceError } from '../../../core/index.ts'
import { checkShape, type GraphTensor, type OperatorCall } from '../../operator.ts'
import { denseMatrix, multiplyAdd, transposed } from '../linear/index.ts'
import { checkedCount, integersOf, numbersOf, sameShape, showShape, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** Adds the product of `rows` rows with a weight matrix to `target`. */
export type Projection = (rowsOf: Float64Array, rows: number, target: Float64Array) => void

/** Sizes of a recurrent operator and its inputs in the order time, batch, features. */
export interface SequencePlan {
  readonly time: number
  readonly batch: number
  readonly inputSize: number
  readonly hidden: number
  /** Gates per cell. */
  readonly gates: number
  /** For each direction, whether it runs from the end. */
  readonly reversed: readonly boolean[]
  readonly batchFirst: boolean
  readonly lengths: readonly number[]
  readonly x: Float64Array
  readonly dtype: GraphTensor['dtype']
}

/** Checks the operands all recurrent operators share. @throws HenceError `SHAPE_MISMATCH`, `GRAPH_INVALID` */
export function planSequence(
  call: OperatorCall,
  x: GraphTensor,
  hidden: number,
  gates: number,
  lengths: GraphTensor | undefined,
): SequencePlan {
  checkShape(x.shape.length === 3, call, `input must have 3 axes, has the shape ${showShape(x.shape)}`)
  const direction = call.attributes.string('direction', 'forward')
  const reversed = { forward: [false], reverse: [true], bidirectional: [false, true] }[direction]
  if (!reversed) throw new HenceError('GRAPH_INVALID', `${call.node}: direction is ${direction}`, { node: call.node, direction })
  const batchFirst = call.attributes.int('layout', 0) === 1
  const [time, batch] = batchFirst ? [x.shape[1]!, x.shape[0]!] : [x.shape[0]!, x.shape[1]!]
  const inputSize = x.shape[2]!
  checkShape(hidden > 0, call, 'hidden size is 0')
  checkedCount(call, [time, reversed.length, batch, Math.max(inputSize, gates * hidden)])
  const counts = lengths ? integersOf(call, lengths, 'sequence_lens') : new Array<number>(batch).fill(time)
  checkShape(
    counts.length === batch && counts.every(count => count >= 0 && count <= time),
    call,
    `sequence_lens ${showShape(counts)} do not fit ${batch} sequences of ${time} steps`,
  )
  const values = numbersOf(call, x)
  return {
    time,
    batch,
    inputSize,
    hidden,
    gates,
    reversed,
    batchFirst,
    lengths: counts,
    x: batchFirst ? swapAxes(call, values, batch, time, inputSize) : values,
    dtype: x.dtype,
  }
}

/** A dense `first × second × size` as `second × first × size`. */
export function swapAxes(call: OperatorCall, values: Float64Array, first: number, second: number, size: number): Float64Array<ArrayBuffer> {
  const swapped = workNumbers(call, values.length)
  for (let i = 0; i < first; i++)
    for (let j = 0; j < second; j++) {
      const read = (i * second + j) * size
      swapped.set(values.subarray(read, read + size), (j * first + i) * size)
    }
  return swapped
}

/** The parameters of a direction: its part of an operand `directions × …` of the shape expected. */
export function directionParts(
  call: OperatorCall,
  operand: GraphTensor | undefined,
  shape: readonly number[],
  what: string,
): Float64Array[] | undefined {
  if (!operand) return undefined
  checkShape(sameShape(operand.shape, shape), call, `${what} must be ${showShape(shape)}, is ${showShape(operand.shape)}`, {
    expected: shape,
  })
  return splitParts(numbersOf(call, operand), shape[0]!)
}

export function splitParts(values: Float64Array, parts: number): Float64Array[] {
  const size = values.length / parts
  return Array.from({ length: parts }, (_, part) => values.subarray(part * size, (part + 1) * size))
}

/** An initial state `directions × batch × hidden` (batch first in the other layout), zeros when left out. */
export function initialState(
  call: OperatorCall,
  plan: SequencePlan,
  operand: GraphTensor | undefined,
  what: string,
): Float64Array<ArrayBuffer> {
  const { batch, hidden, reversed, batchFirst } = plan
  const directions = reversed.length
  if (!operand) return workNumbers(call, directions * batch * hidden)
  const shape = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
  checkShape(sameShape(operand.shape, shape), call, `${what} must be ${showShape(shape)}, is ${showShape(operand.shape)}`, {
    expected: shape,
  })
  const values = numbersOf(call, operand)
  return batchFirst ? swapAxes(call, values, batch, directions, hidden) : values
}

/** A projection by weights of `outputs × inputs`, row-major. */
export function denseProjection(weights: Float64Array, outputs: number, inputs: number): Projection {
  const right = transposed(denseMatrix(weights, inputs))
  return (rowsOf, rows, target) => multiplyAdd(denseMatrix(target, outputs), denseMatrix(rowsOf, inputs), right, rows, inputs, outputs)
}

/** What one direction of a recurrent operator computes. */
export interface Cell {
  /** Adds the input's share of the gates of all steps. */
  readonly project: Projection
  /** Entries added to the gates of each step; `gates · hidden` of them. */
  readonly bias: Float64Array | undefined
  /**
   * One step for every sequence. `gates` holds the input's share, `batch × gates·hidden`; `states` (the hidden state first)
   * are replaced in place.
   */
  step(gates: Float64Array, states: readonly Float64Array[]): void
}

/**
 * Runs one direction. Sequences that have ended keep their states; their further outputs are zero.
 *
 * @param y - all hidden states, `time × directions × batch × hidden`, of which this direction's are written
 */
export function runDirection(
  call: OperatorCall,
  plan: SequencePlan,
  direction: number,
  cell: Cell,
  states: readonly Float64Array[],
  y: Float64Array,
): void {
  const { time, batch, hidden, gates, reversed, lengths, x } = plan
  const width = gates * hidden
  const all = workNumbers(call, time * batch * width)
  if (cell.bias) for (let row = 0; row < time * batch; row++) all.set(cell.bias, row * width)
  cell.project(x, time * batch, all)
  const current = workNumbers(call, batch * width)
  const before = states.map(state => state.slice())
  const ragged = lengths.some(length => length < time)
  for (let step = 0; step < time; step++) {
    for (let b = 0; b < batch; b++) {
      const t = reversed[direction] ? Math.max(0, lengths[b]! - 1 - step) : step
      const row = (t * batch + b) * width
      current.set(all.subarray(row, row + width), b * width)
    }
    if (ragged) for (const [i, state] of states.entries()) before[i]!.set(state)
    cell.step(current, states)
    for (let b = 0; b < batch; b++) {
      if (step >= lengths[b]!) {
        for (const [i, state] of states.entries()) state.set(before[i]!.subarray(b * hidden, (b + 1) * hidden), b * hidden)
        continue
      }
      const t = reversed[direction] ? lengths[b]! - 1 - step : step
      y.set(states[0]!.subarray(b * hidden, (b + 1) * hidden), ((t * reversed.length + direction) * batch + b) * hidden)
    }
  }
}

/** The outputs Y, Y_h and further last states as tensors in the layout asked for. */
export function sequenceOutputs(
  call: OperatorCall,
  plan: SequencePlan,
  y: Float64Array<ArrayBuffer>,
  states: readonly Float64Array<ArrayBuffer>[],
): GraphTensor[] {
  const { time, batch, hidden, reversed, batchFirst, dtype } = plan
  const directions = reversed.length
  if (!batchFirst)
    return [
      tensorFromNumbers(call, dtype, [time, directions, batch, hidden], y),
      ...states.map(state => tensorFromNumbers(call, dtype, [directions, batch, hidden], state)),
    ]
  const rows = swapAxes(call, y, time * directions, batch, hidden)
  return [
    tensorFromNumbers(call, dtype, [batch, time, directions, hidden], rows),
    ...states.map(state => tensorFromNumbers(call, dtype, [batch, directions, hidden], swapAxes(call, state, directions, batch, hidden))),
  ]
}
