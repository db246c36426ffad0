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
}

/** Keys and values are written and read step by step, in blocks taken in a scrambled order. */
function attentionCase(name: string, shape: AttentionShape): ContractCase {
  const { heads, kvHeads, headDim, steps, type = 'f32', window, softcap, sinks } = shape
  const c = new CaseBuilder(`attention ${name}`, headDim + heads)
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
  const operands = [query, keyPool, valuePool, queryStarts, contextLengths, blockStarts, blocks, sinkWeights]
  const attributes = {
    heads,
    kvHeads,
    headDim,
    scale: 1 / Math.sqrt(headDim),
    ...(window ? { window } : {}),
    ...(softcap ? { softcap } : {}),
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
        value: c.numbers(T * kvHeads * headDim),
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

export const attentionCases: readonly ContractCase[] = [
  attentionCase('one token', { heads: 1, kvHeads: 1, headDim: 16, steps: [[1]] }),
  attentionCase('prompt and decode', { heads: 4, kvHeads: 2, headDim: 64, steps: [[40], [1], [1]] }),
  attentionCase('odd head width', { heads: 3, kvHeads: 1, headDim: 20, steps: [[5], [17], [1]] }),
  attentionCase('ragged', {
    heads: 4,
    kvHeads: 4,
    headDim: 48,
    steps: [
      [1, 33, 16, 7],
      [1, 1, 0, 5],
      [3, 1, 1, 1],
    ],
  }),
  attentionCase('window', {
    heads: 2,
    kvHeads: 1,
    headDim: 32,
    window: 10,
    steps: [
      [25, 4],
      [1, 1],
      [9, 12],
    ],
  }),
  attentionCase('softcap', {
    heads: 2,
    kvHeads: 2,
    headDim: 32,
    softcap: 5,
    steps: [
      [20, 3],
      [1, 1],
    ],
  }),
  attentionCase('sinks', {
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    sinks: true,
    steps: [
      [20, 3],
      [1, 1],
    ],
  }),
  attentionCase('f16 pools', {
    heads: 4,
    kvHeads: 2,
    headDim: 64,
    type: 'f16',
    steps: [
      [33, 2],
      [1, 1],
    ],
  }),
  attentionCase('bf16 pools', {
    heads: 4,
    kvHeads: 2,
    headDim: 128,
    type: 'bf16',
    steps: [
      [33, 2],
      [1, 1],
    ],
  }),
  attentionCase('wide heads, long context', { heads: 2, kvHeads: 1, headDim: 256, steps: [[300], [1]] }),
  attentionCase('decode far out', { heads: 4, kvHeads: 2, headDim: 64, type: 'f16', steps: [[500], [500], [1]] }),
]
