import type { Operator } from '../../operator.ts'
import { broadcastShapes, broadcastStrides, forEachRow, outputTensor, reserve, stridesOf } from '../support/index.ts'
import { stringInput } from './string-normalizer.ts'

/** Joins pairs of strings of two broadcast operands. */
const stringConcat: Operator = {
  domain: '',
  name: 'StringConcat',
  run: call => {
    const [a, b] = [stringInput(call, 0), stringInput(call, 1)]
    const shape = broadcastShapes(call, a.shape, b.shape)
    const output = outputTensor(call, 'string', shape)
    const strides = [broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape), stridesOf(shape)]
    const join = (): void =>
      forEachRow(shape, strides, (offsets, length, steps) => {
        let [left, right, write] = [offsets[0]!, offsets[1]!, offsets[2]!]
        for (const end = write + length; write < end; write++) {
          output.data[write] = a.data[left]! + b.data[right]!
          left += steps[0]!
          right += steps[1]!
        }
      })
    // Longer strings than the engine allows are a RangeError.
    reserve(call, join)
    return [output]
  },
}

/** Joining of text. */
export const stringConcatOperators: readonly Operator[] = [stringConcat]
