import { f32, i32, type Op, operand } from '../op.ts'

/** Index of the largest number of each row of x `[M, N]`, the first among equals → `[M]` i32. */
export const argmax: Op = {
  name: 'argmax',
  operands: ['x'],
  infer: ([x]) => [{ dtype: 'i32', shape: [operand('argmax', 'x', x, 'f32', 2).shape[0]!] }],
  run({ inputs: [input], outputs: [output] }) {
    const x = f32(input)
    const width = input!.shape[1]!
    const y = i32(output)
    for (let row = 0; row < y.length; row++) {
      let best = 0
      for (let i = 1; i < width; i++) if (x[row * width + i]! > x[row * width + best]!) best = i
      y[row] = best
    }
  },
}
