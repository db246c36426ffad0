import { type Buffer, type KvType, kvPoolType } from '../program/index.ts'
import type { NormConfig } from './block-config.ts'
import type { BlockWriter } from './block-writer.ts'
import type { AttentionConfig, RopeConfig } from './decoder-config.ts'

/** Roles of an attention block's weights. */
export type AttentionRole = 'q' | 'k' | 'v' | 'qNorm' | 'kNorm' | 'sinks' | 'attentionOutput'

/** What all attention layers of a step share. */
export interface AttentionStep {
  readonly kvType: KvType
  /** Where each token's key and value go, `[T]`. */
  readonly slots: Buffer
  /** `queryStarts`, `contextLengths`, `blockStarts`, `blocks`. */
  readonly tables: readonly Buffer[]
  /** Cosines and sines of the tokens' positions, for each of the model's rotary positions. */
  readonly turns: readonly Turns[]
}

/** One table of cosines and sines `[T, 2H]`. */
export interface Turns {
  readonly table: Buffer
  readonly style: RopeConfig['style']
}

export interface AttentionPlace {
  /** Columns of the output. */
  readonly hidden: number
  /** Index of the layer, which names its pools. */
  readonly index: number
  /** Of queries and keys. */
  readonly norm: NormConfig
}

/**
 * Causal attention over pools `k{index}` and `v{index}`: x `[T, D]` → residual + output `[T, hidden]`.
 * Taps: `q`, `k` (both normalised), `v`, `attention`.
 */
export function attentionBlock<Role extends string>(
  writer: BlockWriter<Role | AttentionRole>,
  config: AttentionConfig,
  { hidden, index, norm }: AttentionPlace,
  { kvType, slots, tables, turns }: AttentionStep,
  x: Buffer,
  residual: Buffer | undefined,
): Buffer {
  const { heads, kvHeads, headDim, scale, window, softcap, rope, queryKeyNorm, hasQkvBias, hasOutputBias, hasSinks } = config
  const b = writer.builder
  const [queryColumns, keyColumns] = [heads * headDim, kvHeads * headDim]
  const projected = writer.project(
    'qkv',
    [
      { role: 'q', size: queryColumns, hasBias: hasQkvBias },
      { role: 'k', size: keyColumns, hasBias: hasQkvBias },
      { role: 'v', size: keyColumns, hasBias: hasQkvBias },
    ],
    x,
  ) as [Buffer, Buffer, Buffer]
  const normed = (name: string, role: AttentionRole, rows: Buffer): Buffer => {
    if (queryKeyNorm === null) return rows
    if (queryKeyNorm === 'row') return writer.norm(name, role, rows, norm)
    const [tokens, columns] = rows.shape as [Buffer['shape'][number], number]
    return b.view(writer.norm(name, role, b.view(rows, [tokens, columns / headDim, headDim]), norm), [tokens, columns])
  }
  const turned = (name: string, rows: Buffer): Buffer => {
    if (rope === null) return rows
    const { table, style } = turns[rope]!
    return b.op('rope', writer.name(name), [rows, table], { headDim, style })
  }
  const [q, k] = [normed('q_norm', 'qNorm', projected[0]), normed('k_norm', 'kNorm', projected[1])]
  const v = projected[2]
  const pool = kvPoolType(kvType, kvHeads, headDim)
  const keys = b.state(`k${index}`, pool)
  const values = b.state(`v${index}`, pool)
  const query = turned('rope_q', q)
  b.apply('kv_write', writer.name('kv_write'), [turned('rope_k', k), v, slots, keys, values], {})
  const sinks = hasSinks ? writer.weight('sinks', [heads]) : undefined
  const limits = { ...(window === null ? {} : { window }), ...(softcap === null ? {} : { softcap }) }
  const mixed = b.op('attention', writer.name('attention'), [query, keys, values, ...tables, sinks], {
    ...{ heads, kvHeads, headDim, scale },
    ...limits,
  })
  for (const [tap, buffer] of Object.entries({ q, k, v, attention: mixed })) writer.tap(tap, buffer)
  return writer.residual('attention_output', { role: 'attentionOutput', size: hidden, hasBias: hasOutputBias }, mixed, residual)
}
