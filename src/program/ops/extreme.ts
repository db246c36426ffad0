import { check, f32, i32, type Op, operand } from '../op.ts'

export interface ExtremeAttributes {
  readonly axis: number
  readonly kind: 'max' | 'min'
  /** Of equal numbers the last one instead of the first. */
  readonly last?: boolean
}

/**
 * Index of the largest or smallest number along an axis of x, which has at least one element → i32 without that axis. NaN
 * comes before every number, whichever kind.
 */
export const extreme: Op<ExtremeAttributes> = {
  name: 'extreme',
  operands: ['x'],
  infer([x], { axis, kind }) {
    const { shape } = operand('extreme', 'x', x, 'f32')
    check(Number.isInteger(axis) && axis >= 0 && axis < shape.length && shape[axis] !== 0, 'extreme', `nothing along axis ${axis}`)
    check(kind === 'max' || kind === 'min', 'extreme', `unknown kind ${kind}`)
    return [{ dtype: 'i32', shape: shape.filter((_, i) => i !== axis) }]
  },
  run({ inputs: [input], outputs: [output], attributes: { axis, kind, last = false } }) {
    const [x, y] = [f32(input), i32(output)]
    const size = input!.shape[axis]!
    const inner = input!.shape.slice(axis + 1).reduce((product, count) => product * count, 1)
    const rank = (value: number): number => (Number.isNaN(value) ? Infinity : kind === 'max' ? value : -value)
    for (let at = 0; at < y.length; at++) {
      const first = Math.floor(at / inner) * size * inner + (at % inner)
      let best = 0
      for (let i = 1; i < size; i++) {
        const [a, b] = [x[first + i * inner]!, x[first + best * inner]!]
        const isTie = rank(a) === rank(b) && Number.isNaN(a) === Number.isNaN(b)
        const isBetter = rank(a) > rank(b) || (Number.isNaN(a) && !Number.isNaN(b))
        if (Number.isNaN(b) && !Number.isNaN(a)) continue
        if (isBetter || (last && isTie)) best = i
      }
      y[at] = best
    }
  },
}
