import { agree, f32, i32, type Op, operand } from '../op.ts'

/** `y = base`, then `y[rows[i]] += weights[i] · x[i]`: x `[R, D]`, rows `[R]` i32, weights `[R]`, base `[T, D]`. */
export const scatterAdd: Op = {
  name: 'scatter_add',
  operands: ['x', 'rows', 'weights', 'base'],
  infer([x, rows, weights, base]) {
    const type = operand('scatter_add', 'base', base, 'f32', 2)
    const { shape } = operand('scatter_add', 'x', x, 'f32', 2)
    agree('scatter_add', 'columns', shape[1]!, type.shape[1]!)
    agree('scatter_add', 'rows', shape[0]!, operand('scatter_add', 'rows', rows, 'i32', 1).shape[0]!)
    agree('scatter_add', 'weights', shape[0]!, operand('scatter_add', 'weights', weights, 'f32', 1).shape[0]!)
    return [type]
  },
  run({ inputs: [input, rows, weights, base], outputs: [output] }) {
    const x = f32(input)
    const width = base!.shape[1]!
    const sums = Float64Array.from(f32(base))
    for (const [i, row] of i32(rows).entries())
      for (let d = 0; d < width; d++) sums[row * width + d]! += f32(weights)[i]! * x[i * width + d]!
    f32(output).set(sums)
  },
}
