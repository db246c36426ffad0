import type { BufferType } from '../buffer.ts'
import type { Dim } from '../dims.ts'
import { agree, check, f32, i32, knownDim, type Op, operand } from '../op.ts'
import { type OutputAttributes, outputOf } from './activations.ts'

export interface MatmulAttributes extends OutputAttributes {
  /**
   * Whatever precision the program runs in: `fast` where whoever made the model allows it for this product, `exact` where a small
   * error would decide something else.
   */
  readonly precision?: 'fast' | 'exact'
}

/**
 * `y[i] = residual + activation(x · weight[i]ᵀ + bias[i])` for one or more weights that share `x`; the residual goes inside
 * the activation where the attribute says so.
 *
 * Operands: x `[M, K]`, groups `[E + 1]` i32 or none, residual `[M, N]` or none (only with one weight), then a weight
 * `[N, K]` and its bias `[N]` or none, repeated. With groups, weights are `[E, N, K]` and rows `groups[e] ..
 * groups[e + 1]` of x meet expert e. Outputs: one `[M, N]` per weight.
 */
export const matmul: Op<MatmulAttributes> = {
  name: 'matmul',
  operands: ['x', 'groups?', 'residual?', 'weight', 'bias?', '*'],
  infer(inputs, attributes) {
    outputOf('matmul', attributes)
    const x = operand('matmul', 'x', inputs[0], 'f32', 2)
    const [rows, k] = x.shape as readonly [Dim, Dim]
    const groups = inputs[1] && operand('matmul', 'groups', inputs[1], 'i32', 1)
    const residual = inputs[2] && operand('matmul', 'residual', inputs[2], 'f32', 2)
    const weightCount = (inputs.length - 3) / 2
    check(weightCount >= 1 && Number.isInteger(weightCount), 'matmul', 'weights and biases must come in pairs')
    check(!residual || weightCount === 1, 'matmul', 'a residual goes with one weight')
    return Array.from({ length: weightCount }, (_, i): BufferType => {
      const weight = operand('matmul', `weight ${i}`, inputs[3 + 2 * i], 'f32', groups ? 3 : 2)
      const n = knownDim('matmul', 'rows of a weight', weight.shape.at(-2))
      agree('matmul', 'inner dims', k, weight.shape.at(-1)!)
      const bias = inputs[4 + 2 * i]
      if (bias) agree('matmul', 'bias and weight', operand('matmul', 'bias', bias, 'f32', groups ? 2 : 1).shape.at(-1)!, n)
      if (residual) agree('matmul', 'residual and output columns', residual.shape[1]!, n)
      if (groups) agree('matmul', 'groups and experts', groups.shape[0]!, knownDim('matmul', 'experts', weight.shape[0]) + 1)
      return { dtype: 'f32', shape: [rows, n] }
    })
  },
  run({ inputs, outputs, attributes }) {
    const x = f32(inputs[0])
    const residual = inputs[2] && f32(inputs[2])
    const [rows, k] = inputs[0]!.shape as readonly [number, number]
    const finish = outputOf('matmul', attributes)
    const groups = inputs[1] ? i32(inputs[1]) : Int32Array.of(0, rows)
    for (const [i, output] of outputs.entries()) {
      const weight = f32(inputs[3 + 2 * i])
      const bias = inputs[4 + 2 * i] && f32(inputs[4 + 2 * i])
      const y = f32(output)
      const n = output.shape[1]!
      for (let e = 0; e + 1 < groups.length; e++)
        for (let r = groups[e]!; r < groups[e + 1]!; r++)
          for (let c = 0; c < n; c++) {
            let sum = bias ? bias[e * n + c]! : 0
            for (let j = 0, a = r * k, b = (e * n + c) * k; j < k; j++) sum += x[a + j]! * weight[b + j]!
            y[r * n + c] = finish(sum, residual ? residual[r * n + c]! : 0)
          }
    }
  },
}
