import { type Buffer, boundDim } from '../../program/index.ts'
import type { NormConfig } from '../block-config.ts'
import type { BlockWriter } from '../block-writer.ts'
import type { TextInput } from './seq2seq-config.ts'

type InputRole = 'embedding' | 'positions' | 'embeddingNorm'

/** What both sides share. */
export interface TextSizes {
  readonly vocabulary: number
  readonly hidden: number
  readonly norm: NormConfig
}

/**
 * Vectors `[T, hidden]` of the input `tokens`, which lie, where there is a table for that, at the input `positions`; and the
 * shared table `[vocabulary, hidden]`.
 */
export function textInput<Role extends string>(
  writer: BlockWriter<Role | InputRole>,
  { context, scale, positions, hasNorm }: TextInput,
  { vocabulary, hidden, norm }: TextSizes,
): { readonly x: Buffer; readonly table: Buffer } {
  const b = writer.builder
  const table = writer.weight('embedding', [vocabulary, hidden])
  const tokens = b.input('tokens', 'i32', [boundDim('T')])
  let x = b.op('gather', 'token_embeddings', [table, tokens], {})
  if (scale !== 1) x = writer.map('scaled_embeddings', [x], ['mul', { input: 0 }, { constant: scale }])
  if (positions) {
    const places = b.input('positions', 'i32', [boundDim('T')])
    x = writer.add('placed', x, b.op('gather', 'position_embeddings', [positionTable(writer, positions, context!, hidden), places], {}))
  }
  if (hasNorm) x = writer.norm('embedding_norm', 'embeddingNorm', x, norm)
  writer.tap('embeddings', x)
  return { x, table }
}

function positionTable<Role extends string>(
  writer: BlockWriter<Role | InputRole>,
  positions: NonNullable<TextInput['positions']>,
  context: number,
  hidden: number,
): Buffer {
  const b = writer.builder
  if (positions.kind === 'sinusoidal')
    return b.constant('positions', { dtype: 'f32', shape: [context, hidden] }, sinusoids(context, hidden))
  const { offset } = positions
  return b.weight({ ...writer.source('positions'), ...(offset > 0 ? { rows: [offset, offset + context] as const } : {}) }, [
    context,
    hidden,
  ])
}

/** Row p: the sines of p · 10,000^(−2i / hidden), then the cosines. Source: Vaswani et al. 2017, in the order of Marian's checkpoints. */
function sinusoids(context: number, hidden: number): Float32Array<ArrayBuffer> {
  const half = Math.ceil(hidden / 2)
  const table = new Float32Array(context * hidden)
  for (let p = 0; p < context; p++)
    for (let i = 0; i < half; i++) {
      const angle = p / 10_000 ** ((2 * i) / hidden)
      table[p * hidden + i] = Math.sin(angle)
      if (half + i < hidden) table[p * hidden + half + i] = Math.cos(angle)
    }
  return table
}
