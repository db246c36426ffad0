import type { Dim } from '../dims.ts'
import { agree, f32, knownDim, type Op, operand } from '../op.ts'
import { type OutputAttributes, outputOf } from './activations.ts'
import { bytesOperand, checkGrid, checkWeightType, gridOf, QUANTISED_OPERANDS, type QuantisedAttributes } from './quantised.ts'

export interface QuantisedMatmulAttributes extends OutputAttributes, QuantisedAttributes {}

/**
 * A matrix product over 8-bit numbers whose sums are exact:
 * `y[m, n] = residual + activation(x_scale[m] · weight_scale[n] · Σₖ (x[m, k] − x_zero[m]) · (weight[n, k] − weight_zero[n]) + bias[n])`,
 * the residual inside the activation where the attribute says so.
 *
 * Operands: x `[M, K]` u8 or i8, x_scale `[1]` or `[M]`, x_zero `[1]` or `[M]` or none (0), weight `[N, K]` of whole numbers
 * in the range of `weightType`, weight_scale `[1]` or `[N]`, weight_zero `[1]` or `[N]` or none (0), bias `[N]` or none,
 * residual `[M, N]` or none. Scales and zero points are f32, zero points whole numbers in the range of what they belong to.
 * Output: `[M, N]` f32.
 */
export const quantisedMatmul: Op<QuantisedMatmulAttributes> = {
  name: 'quantised_matmul',
  operands: QUANTISED_OPERANDS,
  infer([x, xScale, xZero, weight, weightScale, weightZero, bias, residual], attributes) {
    const op = 'quantised_matmul'
    outputOf(op, attributes)
    checkWeightType(op, attributes)
    const [rows, k] = bytesOperand(op, x, 2) as readonly [Dim, Dim]
    const [n, depth] = operand(op, 'weight', weight, 'f32', 2).shape.map(dim => knownDim(op, 'sizes of a weight', dim)) as [number, number]
    agree(op, 'inner dims', k, depth)
    checkGrid(op, 'x_scale', xScale, rows)
    if (xZero) checkGrid(op, 'x_zero', xZero, rows)
    checkGrid(op, 'weight_scale', weightScale, n)
    if (weightZero) checkGrid(op, 'weight_zero', weightZero, n)
    if (bias) agree(op, 'bias and weight', operand(op, 'bias', bias, 'f32', 1).shape[0]!, n)
    if (residual) {
      const [r, c] = operand(op, 'residual', residual, 'f32', 2).shape as readonly [Dim, Dim]
      agree(op, 'rows of residual and x', r, rows)
      agree(op, 'residual and output columns', c, n)
    }
    return [{ dtype: 'f32', shape: [rows, n] }]
  },
  run({ inputs: [x, xScale, xZero, filter, weightScale, weightZero, shift, addend], outputs: [output], attributes }) {
    const finish = outputOf('quantised_matmul', attributes)
    const a = x!.data as Uint8Array | Int8Array
    const [weight, y] = [f32(filter), f32(output)]
    const bias = shift && f32(shift)
    const residual = addend && f32(addend)
    const [scaleOfRow, zeroOfRow, scaleOfColumn, zeroOfColumn] = [xScale, xZero, weightScale, weightZero].map(gridOf)
    const [rows, k] = x!.shape as readonly [number, number]
    const n = output!.shape[1]!
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < n; c++) {
        const [zx, zw] = [zeroOfRow!(r), zeroOfColumn!(c)]
        let sum = 0
        for (let j = 0, p = r * k, q = c * k; j < k; j++) sum += (a[p + j]! - zx) * (weight[q + j]! - zw)
        const at = r * n + c
        y[at] = finish(scaleOfRow!(r) * scaleOfColumn!(c) * sum + (bias ? bias[c]! : 0), residual ? residual[at]! : 0)
      }
  },
}
