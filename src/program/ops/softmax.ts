import { f32, type Op, operand } from '../op.ts'

/** Softmax along the last axis of x f32. */
export const softmax: Op = {
  name: 'softmax',
  operands: ['x'],
  infer: ([x]) => [operand('softmax', 'x', x, 'f32')],
  run({ inputs: [input], outputs: [output] }) {
    const x = f32(input)
    const y = f32(output)
    const width = input!.shape.at(-1) ?? 1
    for (let start = 0; start < x.length; start += width) {
      let largest = -Infinity
      for (let i = 0; i < width; i++) largest = Math.max(largest, x[start + i]!)
      let sum = 0
      for (let i = 0; i < width; i++) sum += Math.exp(x[start + i]! - largest)
      for (let i = 0; i < width; i++) y[start + i] = Math.exp(x[start + i]! - largest) / sum
    }
  },
}
