import { stridesOf } from '../support/index.ts'
import { advance } from './convolve.ts'
import type { Windows } from './windows.ts'

/**
 * For each tap, then each window position, the flat index of the element of `windows.input` under it, -1 in the padding: where
 * operators that run windows backwards add their values.
 */
export function* tapTargets(windows: Windows): Generator<Int32Array> {
  const { input, kernel, strides, dilations, padsBegin, output } = windows
  const inputStrides = stridesOf(input)
  const count = output.reduce((a, b) => a * b, 1)
  const targets = new Int32Array(count)
  const tap = new Array<number>(input.length).fill(0)
  for (let taps = kernel.reduce((a, b) => a * b, 1); taps > 0; taps--) {
    const position = new Array<number>(input.length).fill(0)
    for (let index = 0; index < count; index++) {
      let target = 0
      for (let axis = 0; axis < input.length; axis++) {
        const at = position[axis]! * strides[axis]! - padsBegin[axis]! + tap[axis]! * dilations[axis]!
        if (at < 0 || at >= input[axis]!) {
          target = -1
          break
        }
        target += at * inputStrides[axis]!
      }
      targets[index] = target
      advance(position, output)
    }
    yield targets
    advance(tap, kernel)
  }
}
