import { agree, check, f32, knownDim, type Op, operand } from '../op.ts'

export interface GroupNormAttributes {
  /** Channels are cut into this many groups; as many as channels normalise each by itself. */
  readonly groups: number
  readonly epsilon: number
}

/**
 * Normalises each group of channels of each image over all its pixels: `y = (x − mean) / √(variance + ε) · weight + bias`.
 *
 * Operands: x `[B, P, C]`, weight `[C]` or none, bias `[C]` or none. Source: Wu & He 2018 (GroupNorm), Ulyanov et al. 2016
 * (InstanceNorm).
 */
export const groupNorm: Op<GroupNormAttributes> = {
  name: 'group_norm',
  operands: ['x', 'weight?', 'bias?'],
  infer([x, weight, bias], { groups }) {
    const type = operand('group_norm', 'x', x, 'f32', 3)
    const channels = knownDim('group_norm', 'channels', type.shape[2])
    check(Number.isInteger(groups) && groups >= 1 && channels % groups === 0, 'group_norm', `${channels} channels in ${groups} groups`)
    for (const vector of [weight, bias])
      if (vector) agree('group_norm', 'channels', channels, operand('group_norm', 'weight and bias', vector, 'f32', 1).shape[0]!)
    return [type]
  },
  run({ inputs: [input, scale, shift], outputs: [output], attributes: { groups, epsilon } }) {
    const [x, y] = [f32(input), f32(output)]
    const [weight, bias] = [scale && f32(scale), shift && f32(shift)]
    const [batch, pixels, channels] = input!.shape as [number, number, number]
    const size = channels / groups
    for (let image = 0; image < batch; image++)
      for (let first = 0; first < channels; first += size) {
        const visit = (body: (at: number, channel: number) => void): void => {
          for (let p = 0; p < pixels; p++) for (let c = first; c < first + size; c++) body((image * pixels + p) * channels + c, c)
        }
        let mean = 0
        let squares = 0
        visit(at => {
          mean += x[at]!
        })
        mean /= pixels * size
        visit(at => {
          squares += (x[at]! - mean) ** 2
        })
        const factor = 1 / Math.sqrt(squares / (pixels * size) + epsilon)
        visit((at, c) => {
          y[at] = (x[at]! - mean) * factor * (weight ? weight[c]! : 1) + (bias ? bias[c]! : 0)
        })
      }
  },
}
