import { checkShape, type GraphTensor, type Operator, type OperatorCall, tensorInput, unsupportedVariant } from '../../operator.ts'
import { integersOf, outputTensor, showShape, workNumbers } from '../support/index.ts'
import { preparedOnce } from '../support/prepared.ts'
import { type NgramPool, readNgramPool } from './ngram-pool.ts'
import { isStrings } from './string-normalizer.ts'

const poolOf = preparedOnce(readNgramPool)

/** Counts the n-grams of a pool in rows of tokens, whose tokens may be up to `max_skip_count` apart. */
const tfIdfVectorizer: Operator = {
  domain: '',
  name: 'TfIdfVectorizer',
  run: call => {
    const pool = poolOf(call)
    const input = tensorInput(call, 0)
    const { shape } = input
    checkShape(shape.length <= 2, call, `tokens must have the shape [C] or [N, C], have ${showShape(shape)}`, { shape })
    const length = shape.at(-1) ?? 1
    const rows = shape.length === 2 ? shape[0]! : 1
    const ids = tokenIds(call, input, pool)
    const output = outputTensor(call, 'f32', shape.length === 2 ? [rows, pool.size] : [pool.size])
    const counts = workNumbers(call, pool.size)
    for (let row = 0; row < rows; row++) {
      counts.fill(0)
      countGrams(pool, ids, row * length, length, counts)
      for (let at = 0; at < pool.size; at++)
        output.data[row * pool.size + at] = pool.weights[at]! * (pool.isCounted ? counts[at]! : Math.min(counts[at]!, 1))
    }
    return [output]
  },
}

/** Numbers of tokens, -1 for those outside the pool. */
function tokenIds(call: OperatorCall, input: GraphTensor, pool: NgramPool): Int32Array {
  if (!isStrings(input) && input.dtype !== 'i32' && input.dtype !== 'i64') throw unsupportedVariant(call, `element type ${input.dtype}`)
  const tokens: readonly (string | number)[] = isStrings(input) ? input.data : integersOf(call, input, 'tokens')
  return Int32Array.from(tokens, (token: string | number) => pool.tokens.get(token) ?? -1)
}

function countGrams(pool: NgramPool, ids: Int32Array, start: number, length: number, counts: Float64Array): void {
  const { edges, coordinates, longest, maxSkip } = pool
  const fanOut = pool.tokens.size
  const end = start + length
  let shortest = pool.shortest
  for (let distance = 1; distance <= maxSkip + 1 && shortest <= longest; distance++) {
    const lastStart = end - distance * (shortest - 1)
    if (lastStart <= start) return
    for (let first = start; first < lastStart; first++) {
      let node = 0
      for (let size = 1, at = first; size <= longest && at < end; size++, at += distance) {
        const token = ids[at]!
        const child = token < 0 ? undefined : edges.get(node * fanOut + token)
        if (child === undefined) break
        node = child
        const coordinate = coordinates[node]!
        if (size >= shortest && coordinate >= 0) counts[coordinate]!++
      }
    }
    // Single tokens have no distance: they count once.
    if (shortest === 1) shortest = 2
  }
}

/** Counting of text. */
export const tfIdfOperators: readonly Operator[] = [tfIdfVectorizer]
