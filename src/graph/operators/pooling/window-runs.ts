import type { OperatorCall } from '../../operator.ts'
import { advance, tapRanges, type Windows } from '../convolution/index.ts'
import { reserve, stridesOf } from '../support/index.ts'

/** Some neighbouring window positions and the elements under each. */
export interface WindowRun {
  /** Flat index of the first position. */
  readonly first: number
  readonly count: number
  /** `sources[starts[i]]` up to `sources[starts[i + 1]]` are flat spatial indices under position `first + i`, in row-major order. */
  readonly starts: Int32Array
  readonly sources: Int32Array
}

const RUN_ENTRIES = 2 ** 20

/** The elements under all windows, padding left out, in runs of bounded size. The arrays are reused between runs. */
export function* windowRuns(call: OperatorCall, windows: Windows): Generator<WindowRun> {
  const { input, output, strides, dilations, padsBegin } = windows
  const rank = input.length
  const ranges = input.map((_, axis) => tapRanges(windows, axis))
  const inputStrides = stridesOf(input)
  const total = output.reduce((a, b) => a * b, 1)
  const largest = ranges.reduce(
    (product, { first, end }) => product * first.reduce((most, from, i) => Math.max(most, end[i]! - from), 0),
    1,
  )
  const perRun = Math.max(1, Math.min(total, Math.floor(RUN_ENTRIES / Math.max(1, largest))))
  const sources = reserve(call, () => new Int32Array(perRun * largest))
  const starts = new Int32Array(perRun + 1)
  const position = new Array<number>(rank).fill(0)
  const sizes = new Array<number>(rank).fill(0)
  const tap = new Array<number>(rank).fill(0)
  for (let first = 0; first < total; first += perRun) {
    const count = Math.min(perRun, total - first)
    let write = 0
    for (let index = 0; index < count; index++) {
      starts[index] = write
      let base = 0
      let entries = 1
      for (let axis = 0; axis < rank; axis++) {
        const from = ranges[axis]!.first[position[axis]!]!
        sizes[axis] = ranges[axis]!.end[position[axis]!]! - from
        entries *= sizes[axis]!
        base += (position[axis]! * strides[axis]! - padsBegin[axis]! + from * dilations[axis]!) * inputStrides[axis]!
      }
      tap.fill(0)
      for (; entries > 0; entries--) {
        let source = base
        for (let axis = 0; axis < rank; axis++) source += tap[axis]! * dilations[axis]! * inputStrides[axis]!
        sources[write++] = source
        advance(tap, sizes)
      }
      advance(position, output)
    }
    starts[count] = write
    yield { first, count, starts, sources }
  }
}
