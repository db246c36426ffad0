import { agree, check, f32, type Op, operand } from '../op.ts'

export interface NormAttributes {
  /** `rms`: x / √(mean x² + ε); `layer`: (x − mean) / √(variance + ε). */
  readonly kind: 'rms' | 'layer'
  readonly epsilon: number
}

/**
 * Normalises each row of x `[…, D]`, multiplies by weight `[D]` and adds bias `[D]` or none.
 * Source: Zhang & Sennrich 2019 (RMSNorm), Ba et al. 2016 (LayerNorm).
 */
export const norm: Op<NormAttributes> = {
  name: 'norm',
  operands: ['x', 'weight', 'bias?'],
  infer([x, weight, bias]) {
    const type = operand('norm', 'x', x, 'f32')
    check(type.shape.length > 0, 'norm', 'x is a scalar')
    agree('norm', 'row and weight', type.shape.at(-1)!, operand('norm', 'weight', weight, 'f32', 1).shape[0]!)
    if (bias) agree('norm', 'row and bias', type.shape.at(-1)!, operand('norm', 'bias', bias, 'f32', 1).shape[0]!)
    return [type]
  },
  run({ inputs: [input, scale, shift], outputs: [output], attributes: { kind, epsilon } }) {
    const x = f32(input)
    const y = f32(output)
    const weight = f32(scale)
    const bias = shift && f32(shift)
    const width = weight.length
    for (let start = 0; start < x.length; start += width) {
      let mean = 0
      if (kind === 'layer') {
        for (let i = 0; i < width; i++) mean += x[start + i]!
        mean /= width
      }
      let squares = 0
      for (let i = 0; i < width; i++) squares += (x[start + i]! - mean) ** 2
      const factor = 1 / Math.sqrt(squares / width + epsilon)
      for (let i = 0; i < width; i++) y[start + i] = (x[start + i]! - mean) * factor * weight[i]! + (bias ? bias[i]! : 0)
    }
  },
}
