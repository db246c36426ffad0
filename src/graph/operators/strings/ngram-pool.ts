import type { OperatorCall } from '../../operator.ts'
import { checkGraph } from '../support/values.ts'

const MAX_COORDINATES = 2 ** 27

/** The n-grams of a TfIdfVectorizer as a tree of tokens. */
export interface NgramPool {
  readonly shortest: number
  readonly longest: number
  readonly maxSkip: number
  /** Number of a token, for those that occur. */
  readonly tokens: ReadonlyMap<string | number, number>
  /** Node reached from a node by a token: key `node * tokens.size + token`. Node 0 is the root. */
  readonly edges: ReadonlyMap<number, number>
  /** Coordinate a node's n-gram counts for, -1 for none. */
  readonly coordinates: readonly number[]
  /** Number of coordinates. */
  readonly size: number
  /** What a found coordinate and each find are worth: `presence` once, or `count` each time. */
  readonly weights: Float64Array
  readonly isCounted: boolean
}

/**
 * Reads the n-grams of a node.
 *
 * @throws HenceError `GRAPH_INVALID` for boundaries, coordinates or weights that do not fit the pool
 */
export function readNgramPool(call: OperatorCall): NgramPool {
  const { attributes } = call
  const mode = attributes.string('mode')
  checkGraph(mode === 'TF' || mode === 'IDF' || mode === 'TFIDF', call, `mode must be TF, IDF or TFIDF, is "${mode}"`, { mode })
  const shortest = attributes.int('min_gram_length')
  const longest = attributes.int('max_gram_length')
  const maxSkip = attributes.int('max_skip_count')
  const isOrdered = shortest >= 1 && longest >= shortest && maxSkip >= 0
  checkGraph(isOrdered, call, `n-grams of ${shortest} to ${longest} tokens with up to ${maxSkip} skips make no sense`)
  const pool = attributes.has('pool_strings') ? attributes.strings('pool_strings') : attributes.ints('pool_int64s')
  const indexes = attributes.ints('ngram_indexes')
  const starts = attributes.ints('ngram_counts')
  checkGraph(starts.length >= longest, call, `ngram_counts has ${starts.length} entries for n-grams of up to ${longest} tokens`)
  let size = 0
  for (const index of indexes) {
    checkGraph(index >= 0 && index < MAX_COORDINATES, call, `ngram_indexes has the coordinate ${index}`, { index })
    size = Math.max(size, index + 1)
  }
  const weights = new Float64Array(size).fill(1)
  const given = mode === 'TF' ? [] : attributes.floats('weights', [])
  checkGraph(given.length === 0 || given.length === indexes.length, call, `${given.length} weights for ${indexes.length} n-grams`)
  for (const [at, weight] of given.entries()) weights[indexes[at]!] = weight
  const { tokens, edges, coordinates } = growTree(call, { pool, starts, indexes, shortest, longest })
  return { shortest, longest, maxSkip, tokens, edges, coordinates, size, weights, isCounted: mode !== 'IDF' }
}

interface Grams {
  readonly pool: readonly (string | number)[]
  readonly starts: readonly number[]
  readonly indexes: readonly number[]
  readonly shortest: number
  readonly longest: number
}

function growTree(call: OperatorCall, grams: Grams): Pick<NgramPool, 'tokens' | 'edges' | 'coordinates'> {
  const { pool, starts, indexes, shortest, longest } = grams
  const tokens = new Map<string | number, number>()
  for (const token of pool) if (!tokens.has(token)) tokens.set(token, tokens.size)
  const edges = new Map<number, number>()
  const coordinates = [-1]
  let gram = 0
  for (const [at, start] of starts.entries()) {
    const end = starts[at + 1] ?? pool.length
    const length = at + 1
    const fits = start >= 0 && end >= start && end <= pool.length && (end - start) % length === 0
    checkGraph(fits, call, `ngram_counts puts n-grams of ${length} tokens at ${start} to ${end} of ${pool.length}`, { start, end })
    for (let position = start; position < end; position += length, gram++) {
      const coordinate = indexes[gram]
      checkGraph(coordinate !== undefined, call, `ngram_indexes has ${indexes.length} entries, fewer than the pool has n-grams`)
      if (length < shortest || length > longest) continue
      let node = 0
      for (let offset = 0; offset < length; offset++) {
        const edge = node * tokens.size + tokens.get(pool[position + offset]!)!
        let child = edges.get(edge)
        if (child === undefined) {
          child = coordinates.push(-1) - 1
          edges.set(edge, child)
        }
        node = child
      }
      if (coordinates[node] === -1) coordinates[node] = coordinate
    }
  }
  return { tokens, edges, coordinates }
}
