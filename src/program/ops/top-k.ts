import { check, f32, i32, knownDim, type Op, operand } from '../op.ts'

export interface TopKAttributes {
  /** At most the numbers of a row. */
  readonly k: number
  /** The smallest instead of the largest. */
  readonly smallest?: boolean
}

/**
 * The k largest numbers of each row of x `[M, N]`, the largest first, or the k smallest, the smallest first → values `[M, k]`
 * and their places `[M, k]` i32. Equal numbers keep their order; NaN counts as the greatest number.
 */
export const topK: Op<TopKAttributes> = {
  name: 'top_k',
  operands: ['x'],
  infer([x], { k }) {
    const { shape } = operand('top_k', 'x', x, 'f32', 2)
    const width = knownDim('top_k', 'numbers of a row', shape[1])
    check(Number.isInteger(k) && k >= 0 && k <= width, 'top_k', `the best ${k} of ${width}`)
    const result = [shape[0]!, k]
    return [
      { dtype: 'f32', shape: result },
      { dtype: 'i32', shape: result },
    ]
  },
  run({ inputs: [input], outputs: [best, places], attributes: { k, smallest = false } }) {
    const [x, values, indices] = [f32(input), f32(best), i32(places)]
    const [rows, width] = input!.shape as [number, number]
    const isBetter = (a: number, b: number): boolean => (smallest ? isGreater(b, a) : isGreater(a, b))
    for (let row = 0; row < rows; row++) {
      const from = x.subarray(row * width, (row + 1) * width)
      const order: number[] = []
      for (let i = 0; i < width && k > 0; i++) {
        if (order.length === k && !isBetter(from[i]!, from[order.at(-1)!]!)) continue
        let place = Math.min(order.length, k - 1)
        for (; place > 0 && isBetter(from[i]!, from[order[place - 1]!]!); place--) order[place] = order[place - 1]!
        order[place] = i
      }
      for (const [i, index] of order.entries()) {
        values[row * k + i] = from[index]!
        indices[row * k + i] = index
      }
    }
  },
}

function isGreater(a: number, b: number): boolean {
  return a > b || (Number.isNaN(a) && !Number.isNaN(b))
}
