import { type Buffer, type KvType, kvPoolType } from '../program/index.ts'
import type { BlockWriter } from './block-writer.ts'
import type { AttentionConfig, RopeConfig } from './decoder-config.ts'

/** Roles of an attention block's weights. */
export type AttentionRole = 'q' | 'k' | 'v' | 'attentionOutput'

/** What all attention layers of a step share. */
export interface AttentionStep {
  readonly kvType: KvType
  /** Where each token's key and value go, `[T]`. */
  readonly slots: Buffer
  /** `queryStarts`, `contextLengths`, `blockStarts`, `blocks`. */
  readonly tables: readonly Buffer[]
  /** Cosines and sines of the tokens' positions. */
  readonly turns: Buffer | undefined
  readonly style: RopeConfig['style']
}

/**
 * Causal attention over pools `k{index}` and `v{index}`: x `[T, D]` → residual + output `[T, hidden]`.
 * Taps: `q`, `k`, `v`, `attention`.
 */
export function attentionBlock<Role extends string>(
  writer: BlockWriter<Role | AttentionRole>,
  config: AttentionConfig,
  { hidden, index }: { readonly hidden: number; readonly index: number },
  step: AttentionStep,
  x: Buffer,
  residual: Buffer | undefined,
): Buffer {
  const { heads, kvHeads, headDim, scale, window, hasQkvBias, hasOutputBias } = config
  const b = writer.builder
  const [query, shared] = [heads * headDim, kvHeads * headDim]
  const [q, k, v] = writer.project(
    'qkv',
    [
      { role: 'q', size: query, hasBias: hasQkvBias },
      { role: 'k', size: shared, hasBias: hasQkvBias },
      { role: 'v', size: shared, hasBias: hasQkvBias },
    ],
    x,
  ) as [Buffer, Buffer, Buffer]
  const { turns, style, slots, tables } = step
  const turn = (name: string, heads: Buffer): Buffer =>
    turns ? b.op('rope', writer.name(name), [heads, turns], { headDim, style }) : heads
  const turned = [turn('rope_q', q), turn('rope_k', k)] as const
  const pool = kvPoolType(step.kvType, kvHeads, headDim)
  const keys = b.state(`k${index}`, pool)
  const values = b.state(`v${index}`, pool)
  b.apply('kv_write', writer.name('kv_write'), [turned[1], v, slots, keys, values], {})
  const attributes = { heads, kvHeads, headDim, scale, ...(window === null ? {} : { window }) }
  const mixed = b.op('attention', writer.name('attention'), [turned[0], keys, values, ...tables, undefined], attributes)
  for (const [tap, buffer] of Object.entries({ q, k, v, attention: mixed })) writer.tap(tap, buffer)
  return writer.residual('attention_output', { role: 'attentionOutput', size: hidden, hasBias: hasOutputBias }, mixed, residual)
}
