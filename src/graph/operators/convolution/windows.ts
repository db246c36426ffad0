import { HenceError } from '../../../core/index.ts'
import { checkShape, type OperatorCall } from '../../operator.ts'
import { showShape } from '../support/index.ts'

/** Sliding windows over spatial axes; every list has one entry per axis. */
export interface Windows {
  readonly input: readonly number[]
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** Elements added before each axis. */
  readonly padsBegin: readonly number[]
  readonly padsEnd: readonly number[]
  readonly output: readonly number[]
}

/** One positive integer per spatial axis from an attribute; ones without it. @throws HenceError `GRAPH_INVALID` */
export function spatialAttribute(call: OperatorCall, name: string, rank: number): readonly number[] {
  const values = call.attributes.ints(name, new Array<number>(rank).fill(1))
  checkList(call, name, values, rank, 1)
  return values
}

/** Begin and end pads per spatial axis from the attribute `pads`; zeros without it. @throws HenceError `GRAPH_INVALID` */
export function padsAttribute(call: OperatorCall, rank: number): { padsBegin: readonly number[]; padsEnd: readonly number[] } {
  const pads = call.attributes.ints('pads', new Array<number>(2 * rank).fill(0))
  checkList(call, 'pads', pads, 2 * rank, 0)
  return { padsBegin: pads.slice(0, rank), padsEnd: pads.slice(rank) }
}

/** @throws HenceError `GRAPH_INVALID` unless there are `count` safe integers of at least `least` */
export function checkList(call: OperatorCall, name: string, values: readonly number[], count: number, least: number): void {
  if (values.length === count && values.every(value => Number.isSafeInteger(value) && value >= least)) return
  throw new HenceError('GRAPH_INVALID', `${call.node}: ${name} must be ${count} integers of at least ${least}, is ${showShape(values)}`, {
    node: call.node,
    [name]: values,
    expected: count,
  })
}

/** How the attribute auto_pad pads. */
export type AutoPad = 'NOTSET' | 'VALID' | 'SAME_UPPER' | 'SAME_LOWER'

/** The attribute auto_pad. @throws HenceError `GRAPH_INVALID` for a value the specification lacks */
export function autoPadAttribute(call: OperatorCall): AutoPad {
  const value = call.attributes.string('auto_pad', 'NOTSET')
  if (value === 'NOTSET' || value === 'VALID' || value === 'SAME_UPPER' || value === 'SAME_LOWER') return value
  if (value === '') return 'NOTSET'
  throw new HenceError('GRAPH_INVALID', `${call.node}: auto_pad is ${value}`, { node: call.node, auto_pad: value })
}

/** Splits padding between the ends of an axis. */
export function splitPadding(total: number, autoPad: AutoPad): readonly [begin: number, end: number] {
  const half = Math.floor(total / 2)
  return autoPad === 'SAME_LOWER' ? [total - half, half] : [half, total - half]
}

/**
 * Windows from the attributes strides, dilations, pads, auto_pad and ceil_mode.
 *
 * @param input - spatial sizes
 * @throws HenceError `GRAPH_INVALID`, `SHAPE_MISMATCH` when the kernel is larger than the padded input
 */
export function readWindows(call: OperatorCall, input: readonly number[], kernel: readonly number[]): Windows {
  const rank = input.length
  checkList(call, 'kernel_shape', kernel, rank, 1)
  const strides = spatialAttribute(call, 'strides', rank)
  const dilations = spatialAttribute(call, 'dilations', rank)
  const autoPad = autoPadAttribute(call)
  const ceil = call.attributes.int('ceil_mode', 0) !== 0
  const given = autoPad === 'NOTSET' ? padsAttribute(call, rank) : undefined
  const padsBegin: number[] = []
  const padsEnd: number[] = []
  const output: number[] = []
  for (let axis = 0; axis < rank; axis++) {
    const [size, stride] = [input[axis]!, strides[axis]!]
    const extent = (kernel[axis]! - 1) * dilations[axis]! + 1
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      const count = Math.ceil(size / stride)
      const [begin, end] = splitPadding(Math.max(0, (count - 1) * stride + extent - size), autoPad)
      padsBegin.push(begin)
      padsEnd.push(end)
      output.push(count)
      continue
    }
    const begin = given?.padsBegin[axis] ?? 0
    const end = given?.padsEnd[axis] ?? 0
    const room = size + begin + end - extent
    checkShape(room >= 0, call, `a window of ${extent} does not fit into ${size} elements padded by ${begin} and ${end}`, {
      axis,
      size,
      extent,
      pads: [begin, end],
    })
    let count = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1
    // A window may not start in the end padding.
    if (ceil && (count - 1) * stride >= size + begin) count--
    padsBegin.push(begin)
    padsEnd.push(end)
    output.push(count)
  }
  return { input, kernel, strides, dilations, padsBegin, padsEnd, output }
}

/**
 * For each position of one spatial axis, the taps of its window that fall inside the input: `first[position]` up to, not
 * including, `end[position]`.
 */
export function tapRanges(windows: Windows, axis: number): { first: Float64Array; end: Float64Array } {
  const [stride, dilation, pad] = [windows.strides[axis]!, windows.dilations[axis]!, windows.padsBegin[axis]!]
  const [size, taps, count] = [windows.input[axis]!, windows.kernel[axis]!, windows.output[axis]!]
  const first = new Float64Array(count)
  const end = new Float64Array(count)
  for (let position = 0; position < count; position++) {
    const start = position * stride - pad
    first[position] = start >= 0 ? 0 : Math.min(taps, Math.ceil(-start / dilation))
    end[position] = Math.max(first[position]!, Math.min(taps, Math.ceil((size - start) / dilation)))
  }
  return { first, end }
}
