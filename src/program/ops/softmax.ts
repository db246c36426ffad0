import { check, f32, type Op, operand } from '../op.ts'

export interface SoftmaxAttributes {
  /** The last by default. */
  readonly axis?: number
}

/** Softmax of x f32 along an axis. */
export const softmax: Op<SoftmaxAttributes> = {
  name: 'softmax',
  operands: ['x'],
  infer([x], { axis = 0 }) {
    const type = operand('softmax', 'x', x, 'f32')
    check(Number.isInteger(axis) && axis >= 0 && axis < Math.max(1, type.shape.length), 'softmax', `axis ${axis} is not an axis of x`)
    return [type]
  },
  run({ inputs: [input], outputs: [output], attributes: { axis } }) {
    const x = f32(input)
    const y = f32(output)
    const { shape } = input!
    const along = axis ?? Math.max(0, shape.length - 1)
    const width = shape[along] ?? 1
    const step = shape.slice(along + 1).reduce((product, size) => product * size, 1)
    for (let row = 0; row * width < x.length; row++) {
      const start = Math.floor(row / step) * step * width + (row % step)
      const end = start + width * step
      let largest = -Infinity
      for (let i = start; i < end; i += step) largest = Math.max(largest, x[i]!)
      let sum = 0
      for (let i = start; i < end; i += step) sum += Math.exp(x[i]! - largest)
      for (let i = start; i < end; i += step) y[i] = Math.exp(x[i]! - largest) / sum
    }
  },
}
