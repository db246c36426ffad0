import { HenceError } from '../../core/index.ts'

/** Ways in which the vectors of a text's tokens become one. */
export const POOLINGS = ['mean', 'cls', 'max', 'last', 'mean-sqrt-length', 'weighted-mean'] as const

/** How the vectors of a text's tokens become one. */
export type Pooling = (typeof POOLINGS)[number]

/** Tokens `[begin, count)` of a text as one vector, poolings beside each other. @throws HenceError `OPTION_INVALID` without tokens */
export function poolTokens(hidden: Float32Array, width: number, poolings: readonly Pooling[], begin = 0): Float32Array {
  const count = hidden.length / width
  if (begin >= count) throw new HenceError('OPTION_INVALID', `a text of ${count} tokens has none beside its prompt`, { tokens: count })
  const result = new Float32Array(poolings.length * width)
  for (const [i, pooling] of poolings.entries()) POOL[pooling](hidden, width, begin, result.subarray(i * width, (i + 1) * width))
  return result
}

type Pool = (hidden: Float32Array, width: number, begin: number, to: Float32Array) => void

/** A mean in which every token has a weight; the sum of the weights is divided by `root`. */
function weighted(weightOf: (position: number) => number, finish: (sum: number) => number): Pool {
  return (hidden, width, begin, to) => {
    const sums = new Float64Array(width)
    let total = 0
    for (let at = begin * width, t = 0; at < hidden.length; at += width, t++) {
      const weight = weightOf(t)
      total += weight
      for (let d = 0; d < width; d++) sums[d]! += weight * hidden[at + d]!
    }
    const divisor = finish(total)
    for (let d = 0; d < width; d++) to[d] = sums[d]! / divisor
  }
}

const POOL: Readonly<Record<Pooling, Pool>> = {
  mean: weighted(
    () => 1,
    sum => sum,
  ),
  'mean-sqrt-length': weighted(() => 1, Math.sqrt),
  'weighted-mean': weighted(
    position => position + 1,
    sum => sum,
  ),
  cls: (hidden, width, _, to) => to.set(hidden.subarray(0, width)),
  last: (hidden, width, _, to) => to.set(hidden.subarray(hidden.length - width)),
  max(hidden, width, begin, to) {
    to.fill(Number.NEGATIVE_INFINITY)
    for (let at = begin * width; at < hidden.length; at += width) for (let d = 0; d < width; d++) to[d] = Math.max(to[d]!, hidden[at + d]!)
  },
}
