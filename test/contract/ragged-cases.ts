import type { RaggedAttentionAttributes } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

type Shape = Omit<RaggedAttentionAttributes, 'scale'> & {
  /** Queries of each sequence. */
  readonly queries: readonly number[]
  /** Keys of each sequence; as many as queries by default. */
  readonly keys?: readonly number[]
  readonly headDim: number
  readonly valueDim?: number
  /** Distances to each side that have a bias of their own. */
  readonly bias?: number
}

const SHAPES: readonly Shape[] = [
  { heads: 1, kvHeads: 1, queries: [1], headDim: 4 },
  { heads: 3, kvHeads: 3, queries: [7, 0, 19, 1], headDim: 20 },
  { heads: 4, kvHeads: 2, queries: [33, 5, 64], headDim: 16, valueDim: 24 },
  { heads: 2, kvHeads: 2, queries: [49, 97, 3], headDim: 64, causal: true },
  { heads: 2, kvHeads: 2, queries: [200, 31], headDim: 32, window: 8 },
  { heads: 2, kvHeads: 1, queries: [700, 40], headDim: 16, window: 64, causal: true },
  { heads: 2, kvHeads: 2, queries: [70, 5], headDim: 16, bias: 9 },
  { heads: 2, kvHeads: 2, queries: [3, 600, 1], headDim: 20, bias: 33, window: 40, softcap: 4 },
  { heads: 2, kvHeads: 2, queries: [60], headDim: 16, window: 0 },
  // Queries and keys of different sequences: some before the first key, some without keys.
  { heads: 2, kvHeads: 2, queries: [5, 1, 6, 3], keys: [30, 1200, 3, 0], headDim: 32 },
  { heads: 2, kvHeads: 2, queries: [5, 1, 6], keys: [30, 17, 3], headDim: 32, causal: true },
  { heads: 3, kvHeads: 3, queries: [128, 12, 77, 256], headDim: 64 },
]

/** Ragged attention over the shapes of small and real encoders. */
export const raggedCases: readonly ContractCase[] = SHAPES.map(shape => {
  const { heads, kvHeads, queries, keys = queries, headDim, valueDim = headDim, bias, ...rest } = shape
  const c = new CaseBuilder(`ragged attention ${JSON.stringify(shape)}`)
  const startsOf = (counts: readonly number[]): number[] => [0, ...counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b, 0))]
  const [queryStarts, keyStarts] = [startsOf(queries), startsOf(keys)]
  const operands = [
    c.input('query', [queryStarts.at(-1)!, heads * headDim], 2),
    c.input('key', [keyStarts.at(-1)!, kvHeads * headDim]),
    c.input('value', [keyStarts.at(-1)!, kvHeads * valueDim]),
    c.indices('queryStarts', queryStarts),
    c.indices('keyStarts', keyStarts),
    bias === undefined ? undefined : c.input('bias', [heads, 2 * bias + 1]),
  ]
  c.builder.output('y', c.builder.op('ragged_attention', 'y', operands, { heads, kvHeads, scale: headDim ** -0.5, ...rest }))
  return c.done()
})
