import type { GraphTensor, OperatorCall } from '../../operator.ts'
import { cellsOf, copyCells } from './cells.ts'
import { outputTensor } from './output.ts'
import { stridesOf } from './shapes.ts'

/** For each index of an output axis the index of the input axis it takes; negative for none. */
export type AxisMap = ArrayLike<number>

/**
 * A tensor whose every axis picks from the same axis of `input`.
 *
 * @param maps - one per axis; their lengths are the output's shape
 * @param fill - one element for positions some axis maps nowhere; zero or the empty string without it
 */
export function gatherByMaps(call: OperatorCall, input: GraphTensor, maps: readonly AxisMap[], fill?: GraphTensor): GraphTensor {
  const output = outputTensor(
    call,
    input.dtype,
    maps.map(map => map.length),
  )
  const [from, to] = [cellsOf(input), cellsOf(output)]
  const blank = fill && cellsOf(fill).data
  const target = to.data as { [index: number]: unknown }
  const { lanes } = from
  const strides = stridesOf(input.shape).map(stride => stride * lanes)
  const last = maps.length - 1
  const row = maps[last] ?? [0]
  const step = strides[last] ?? 0
  const counters = new Array<number>(Math.max(last, 0)).fill(0)
  for (let write = 0; write < to.data.length; ) {
    let start = 0
    let isOutside = false
    for (let axis = 0; axis < last; axis++) {
      const index = maps[axis]![counters[axis]!]!
      if (index < 0) isOutside = true
      start += index * strides[axis]!
    }
    for (let at = 0; at < row.length; at++, write += lanes) {
      const index = row[at]!
      const isBlank = isOutside || index < 0
      if (isBlank && !blank) continue
      const source = isBlank ? blank! : from.data
      const read = isBlank ? 0 : start + index * step
      if (lanes === 1) target[write] = source[read]
      else copyCells(source, read, to.data, write, lanes)
    }
    for (let axis = last - 1; axis >= 0; axis--) {
      counters[axis]!++
      if (counters[axis]! < maps[axis]!.length) break
      counters[axis] = 0
    }
  }
  return output
}

/** `length` indices counted up from `start`; those outside an axis of `size` map nowhere. */
export function windowMap(start: number, length: number, size: number): Int32Array {
  const map = new Int32Array(length)
  for (let at = 0; at < length; at++) map[at] = start + at >= 0 && start + at < size ? start + at : -1
  return map
}
