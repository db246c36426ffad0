import { check, f32, type Op, operand } from '../op.ts'

export interface CumulativeAttributes {
  readonly axis: number
  readonly kind: 'sum' | 'prod'
  /** Without the number itself. */
  readonly exclusive?: boolean
  /** From the end of the axis. */
  readonly reverse?: boolean
}

/** Running sums or products of x f32 along an axis. */
export const cumulative: Op<CumulativeAttributes> = {
  name: 'cumulative',
  operands: ['x'],
  infer([x], { axis, kind }) {
    const type = operand('cumulative', 'x', x, 'f32')
    check(Number.isInteger(axis) && axis >= 0 && axis < type.shape.length, 'cumulative', `axis ${axis} is not an axis of x`)
    check(kind === 'sum' || kind === 'prod', 'cumulative', `unknown kind ${kind}`)
    return [type]
  },
  run({ inputs: [input], outputs: [output], attributes: { axis, kind, exclusive = false, reverse = false } }) {
    const [x, y] = [f32(input), f32(output)]
    const size = input!.shape[axis]!
    const inner = input!.shape.slice(axis + 1).reduce((product, count) => product * count, 1)
    for (let lane = 0; lane * size < y.length; lane++) {
      const first = Math.floor(lane / inner) * size * inner + (lane % inner)
      let sum = kind === 'sum' ? 0 : 1
      for (let i = 0; i < size; i++) {
        const at = first + (reverse ? size - 1 - i : i) * inner
        const next = kind === 'sum' ? sum + x[at]! : sum * x[at]!
        y[at] = exclusive ? sum : next
        sum = next
      }
    }
  },
}
