import { boundDim, KV_BLOCK_TOKENS, type KvType, kvPoolType } from '../../src/program/index.ts'
import { CaseBuilder, type ContractCase } from './case.ts'

interface AttentionShape {
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Tokens of each sequence added at each step. */
  readonly steps: readonly (readonly number[])[]
  readonly type?: KvType
  readonly window?: number
  readonly softcap?: number
  readonly sinks?: boolean
  readonly causal?: boolean
  /** Farthest distance with a bias of its own. */
  readonly reach?: number
  /** Values are halves up to 127, every fifth head zeros: where an `i8` pool has to round ties, and to do without a scale. */
  readonly areHalves?: boolean
}

/** Rows of heads as {@link AttentionShape.areHalves} says. */
function halves(c: CaseBuilder, count: number, headDim: number): Float32Array {
  return c.numbers(count, 40).map((x, i) => {
    if (Math.floor(i / headDim) % 5 === 4) return 0
    return i % headDim === 0 ? 127 : Math.max(-126, Math.min(126, Math.round(x))) + 0.5
  })
}

function caseName(name: string, type: KvType): string {
  return `attention ${name}${type === 'f32' ? '' : `, ${type}`}`
}

/** Keys and values are written and read step by step, in blocks taken in a scrambled order. */
function attentionCase(name: string, shape: AttentionShape): ContractCase {
  const { heads, kvHeads, headDim, steps, type = 'f32', window, softcap, sinks, causal, reach, areHalves } = shape
  const c = new CaseBuilder(caseName(name, type), headDim + heads)
  const { builder } = c
  const [tokens, sequences, starts, entries] = ['T', 'S', 'S1', 'B'].map(boundDim) as [
    ReturnType<typeof boundDim>,
    ...ReturnType<typeof boundDim>[],
  ]
  const query = builder.input('query', 'f32', [tokens, heads * headDim])
  const key = builder.input('key', 'f32', [tokens, kvHeads * headDim])
  const value = builder.input('value', 'f32', [tokens, kvHeads * headDim])
  const slots = builder.input('slots', 'i32', [tokens])
  const queryStarts = builder.input('queryStarts', 'i32', [starts!])
  const contextLengths = builder.input('contextLengths', 'i32', [sequences!])
  const blockStarts = builder.input('blockStarts', 'i32', [starts!])
  const blocks = builder.input('blocks', 'i32', [entries!])
  const keyPool = builder.state('k', kvPoolType(type, kvHeads, headDim))
  const valuePool = builder.state('v', kvPoolType(type, kvHeads, headDim))
  builder.apply('kv_write', 'write', [key, value, slots, keyPool, valuePool], {})
  const sinkWeights = sinks ? c.weight('sinks', [heads]) : undefined
  const bias = reach === undefined ? undefined : c.weight('bias', [heads, 2 * reach + 1])
  const operands = [query, keyPool, valuePool, queryStarts, contextLengths, blockStarts, blocks, sinkWeights, bias]
  const attributes = {
    heads,
    kvHeads,
    headDim,
    scale: 1 / Math.sqrt(headDim),
    ...(window ? { window } : {}),
    ...(softcap ? { softcap } : {}),
    ...(causal === undefined ? {} : { causal }),
  }
  builder.output('y', builder.op('attention', 'y', operands, attributes))

  const tables: number[][] = steps[0]!.map(() => [])
  const lengths = steps[0]!.map(() => 0)
  const total = steps.reduce((sum, step) => sum + step.reduce((a, b) => a + Math.ceil(b / KV_BLOCK_TOKENS) + 1, 0), 0)
  const free = Array.from({ length: total }, (_, i) => (i * 7919) % total).filter((id, i, all) => all.indexOf(id) === i)
  const run = steps.map(step => {
    const slotOf: number[] = []
    const queries = [0]
    const tableStarts = [0]
    for (const [s, count] of step.entries()) {
      for (let i = 0; i < count; i++, lengths[s]!++) {
        if (lengths[s]! % KV_BLOCK_TOKENS === 0) tables[s]!.push(free.pop()!)
        slotOf.push(tables[s]!.at(-1)! * KV_BLOCK_TOKENS + (lengths[s]! % KV_BLOCK_TOKENS))
      }
      queries.push(queries.at(-1)! + count)
      tableStarts.push(tableStarts.at(-1)! + tables[s]!.length)
    }
    const T = slotOf.length
    return {
      dims: { T, S: step.length, S1: step.length + 1, B: tableStarts.at(-1)!, blocks: total },
      inputs: {
        query: c.numbers(T * heads * headDim, 2),
        key: c.numbers(T * kvHeads * headDim),
        value: areHalves ? halves(c, T * kvHeads * headDim, headDim) : c.numbers(T * kvHeads * headDim),
        slots: Int32Array.from(slotOf),
        queryStarts: Int32Array.from(queries),
        contextLengths: Int32Array.from(lengths),
        blockStarts: Int32Array.from(tableStarts),
        blocks: Int32Array.from(tables.flat()),
      },
    }
  })
  const most = (pick: (d: (typeof run)[number]['dims']) => number): number => Math.max(...run.map(({ dims }) => pick(dims)))
  const limits = { T: most(d => d.T), S: most(d => d.S), S1: most(d => d.S1), B: most(d => d.B), blocks: total }
  return { ...c.done(limits, 0.006), steps: run }
}

interface CrossShape {
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly type?: KvType
  /** Keys of each table of blocks. */
  readonly keys: readonly number[]
  /** The table a sequence reads, and its queries. */
  readonly sequences: readonly (readonly [table: number, queries: number])[]
  readonly reach?: number
}

/** Keys are written once and read by sequences that may share them, all keys by every query. */
function crossCase(name: string, { heads, kvHeads, headDim, type = 'f32', keys, sequences, reach }: CrossShape): ContractCase {
  const c = new CaseBuilder(caseName(name, type), headDim + heads)
  const { builder } = c
  let total = 0
  const tables = keys.map(count => Array.from({ length: Math.ceil(count / KV_BLOCK_TOKENS) }, () => total++))
  const scattered = tables.map(table => table.map(block => total - 1 - block))
  const slots = keys.flatMap((count, s) =>
    Array.from({ length: count }, (_, i) => scattered[s]![Math.floor(i / KV_BLOCK_TOKENS)]! * KV_BLOCK_TOKENS + (i % KV_BLOCK_TOKENS)),
  )
  const starts = (counts: readonly number[]): number[] => [0, ...counts].map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0))
  const queries = sequences.map(([, count]) => count)
  const read = sequences.map(([table]) => scattered[table]!)
  const [keyPool, valuePool] = ['k', 'v'].map(pool => builder.state(pool, kvPoolType(type, kvHeads, headDim)))
  const key = c.input('key', [slots.length, kvHeads * headDim])
  const value = c.input('value', [slots.length, kvHeads * headDim])
  builder.apply('kv_write', 'write', [key, value, c.indices('slots', slots), keyPool, valuePool], {})
  const operands = [
    c.input('query', [queries.reduce((a, b) => a + b, 0), heads * headDim], 2),
    keyPool,
    valuePool,
    c.indices('queryStarts', starts(queries)),
    c.indices(
      'contextLengths',
      sequences.map(([table]) => keys[table]!),
    ),
    c.indices('blockStarts', starts(read.map(table => table.length))),
    c.indices('blocks', read.flat()),
    undefined,
    reach === undefined ? undefined : c.weight('bias', [heads, 2 * reach + 1]),
  ]
  builder.output('y', builder.op('attention', 'y', operands, { heads, kvHeads, headDim, scale: 1 / Math.sqrt(headDim), causal: false }))
  const done = c.done({ blocks: total }, 0.006)
  return { ...done, steps: done.steps.map(step => ({ ...step, dims: { blocks: total } })) }
}

const ATTENTION: Readonly<Record<string, AttentionShape>> = {
  'one token': { heads: 1, kvHeads: 1, headDim: 16, steps: [[1]] },
  'prompt and decode': { heads: 4, kvHeads: 2, headDim: 64, steps: [[40], [1], [1]] },
  'odd head width': { heads: 3, kvHeads: 1, headDim: 20, steps: [[5], [17], [1]] },
  ragged: {
    heads: 4,
    kvHeads: 4,
    headDim: 48,
    steps: [
      [1, 33, 16, 7],
      [1, 1, 0, 5],
      [3, 1, 1, 1],
    ],
  },
  window: {
    heads: 2,
    kvHeads: 1,
    headDim: 32,
    window: 10,
    steps: [
      [25, 4],
      [1, 1],
      [9, 12],
    ],
  },
  softcap: {
    heads: 2,
    kvHeads: 2,
    headDim: 32,
    softcap: 5,
    steps: [
      [20, 3],
      [1, 1],
    ],
  },
  sinks: {
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    sinks: true,
    steps: [
      [20, 3],
      [1, 1],
    ],
  },
  'a prompt beside a short one': {
    heads: 4,
    kvHeads: 2,
    headDim: 64,
    type: 'f16',
    steps: [
      [33, 2],
      [1, 1],
    ],
  },
  'wide heads beside each other': {
    heads: 4,
    kvHeads: 2,
    headDim: 128,
    type: 'bf16',
    steps: [
      [33, 2],
      [1, 1],
    ],
  },
  'wide heads, long context': { heads: 2, kvHeads: 1, headDim: 256, steps: [[300], [1]] },
  'decode far out': { heads: 4, kvHeads: 2, headDim: 64, type: 'f16', steps: [[500], [500], [1]] },
  'relative bias': {
    heads: 4,
    kvHeads: 4,
    headDim: 16,
    reach: 5,
    steps: [
      [20, 3],
      [1, 1],
      [2, 40],
    ],
  },
  'relative bias far out': { heads: 2, kvHeads: 1, headDim: 64, type: 'f16', reach: 128, softcap: 20, steps: [[600], [1]] },
  'relative bias of both directions': { heads: 3, kvHeads: 3, headDim: 20, causal: false, reach: 7, steps: [[37, 1, 16]] },
  'both directions': { heads: 2, kvHeads: 1, headDim: 64, causal: false, type: 'bf16', steps: [[70, 530, 5]] },
  'relative bias of both directions, far out': {
    heads: 2,
    kvHeads: 2,
    headDim: 64,
    causal: false,
    reach: 30,
    type: 'bf16',
    steps: [[70, 530, 5]],
  },
}

const CROSS: Readonly<Record<string, CrossShape>> = {
  across: {
    heads: 4,
    kvHeads: 4,
    headDim: 16,
    keys: [5, 33],
    sequences: [
      [1, 1],
      [0, 4],
      [1, 1],
      [1, 20],
      [0, 0],
    ],
  },
  'across, more queries than keys': {
    heads: 2,
    kvHeads: 1,
    headDim: 20,
    keys: [1, 3],
    sequences: [
      [0, 9],
      [1, 40],
    ],
  },
  'across a recording': {
    heads: 2,
    kvHeads: 2,
    headDim: 64,
    type: 'f16',
    keys: [1500],
    sequences: [
      [0, 1],
      [0, 1],
      [0, 20],
    ],
  },
  'across with a bias': {
    heads: 2,
    kvHeads: 2,
    headDim: 32,
    keys: [50, 17],
    reach: 9,
    sequences: [
      [0, 7],
      [1, 1],
      [0, 1],
    ],
  },
}

/** Every shape over the pools it names, and over pools of bytes with scales. */
export const attentionCases: readonly ContractCase[] = [
  ...Object.entries(ATTENTION).map(([name, shape]) => attentionCase(name, shape)),
  ...Object.entries(CROSS).map(([name, shape]) => crossCase(name, shape)),
  ...Object.entries(ATTENTION).map(([name, shape]) => attentionCase(name, { ...shape, type: 'i8' })),
  ...Object.entries(CROSS).map(([name, shape]) => crossCase(name, { ...shape, type: 'i8' })),
  attentionCase('halves and zeros', {
    heads: 4,
    kvHeads: 2,
    headDim: 36,
    type: 'i8',
    areHalves: true,
    steps: [
      [40, 7],
      [1, 1],
    ],
  }),
  attentionCase('groups of a model', {
    heads: 28,
    kvHeads: 4,
    headDim: 128,
    type: 'i8',
    steps: [
      [70, 5],
      [1, 1],
      [20, 1],
    ],
  }),
  attentionCase('a group too wide for a tile', { heads: 71, kvHeads: 1, headDim: 64, type: 'i8', steps: [[35], [1]] }),
]
