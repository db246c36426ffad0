import type { Buffer } from '../../program/index.ts'
import type { BlockWriter } from '../block-writer.ts'
import { mlpBlock } from '../mlp-block.ts'
import type { EncoderLayer, EncoderMlp, TowerConfig } from './encoder-config.ts'
import type { EncoderRole } from './encoder-roles.ts'
import { QUICK_GELU } from './quick-gelu.ts'

/** What all layers of a run share. */
export interface EncoderStep {
  /** Where each sequence begins, `[S + 1]`. */
  readonly starts: Buffer
  /** Cosines and sines of the tokens' positions, for each of the tower's rotary tables. */
  readonly turns: readonly Buffer[]
  /** Added to scores by distance, `[heads, 2M + 1]`. */
  readonly bias?: Buffer | undefined
}

/** One layer: x `[T, hidden]` → `[T, hidden]`. Taps, within the layer: `q`, `k`, `v`, `attention`, `attention_residual`, `mlp_inner`. */
export function encoderLayer(
  writer: BlockWriter<EncoderRole>,
  { hidden, norm, normPlace, isCausal }: Pick<TowerConfig, 'hidden' | 'norm' | 'normPlace' | 'isCausal'>,
  layer: EncoderLayer,
  step: EncoderStep,
  x: Buffer,
): Buffer {
  const isBefore = normPlace === 'before'
  const normed = (name: string, role: EncoderRole, buffer: Buffer): Buffer => writer.norm(name, role, buffer, norm)
  const attentionInput = isBefore && layer.hasAttentionNorm ? normed('attention_norm', 'attentionNorm', x) : x
  let attended = attention(writer, layer, { hidden, isCausal }, step, attentionInput, x)
  if (!isBefore) attended = normed('attention_norm', 'attentionNorm', attended)
  writer.tap('attention_residual', attended)
  const output = mlp(writer, layer.mlp, hidden, isBefore ? normed('mlp_norm', 'mlpNorm', attended) : attended, attended)
  return isBefore ? output : normed('mlp_norm', 'mlpNorm', output)
}

function attention(
  writer: BlockWriter<EncoderRole>,
  layer: EncoderLayer,
  { hidden, isCausal }: Pick<TowerConfig, 'hidden' | 'isCausal'>,
  { starts, turns, bias }: EncoderStep,
  x: Buffer,
  residual: Buffer,
): Buffer {
  const { heads, headDim, window, rope, hasQkvBias, hasKeyBias = hasQkvBias, hasOutputBias, scale = 1 / Math.sqrt(headDim) } = layer
  const b = writer.builder
  const roles = ['q', 'k', 'v'] as const
  const projections = roles.map(role => ({ role, size: heads * headDim, hasBias: role === 'k' ? hasKeyBias : hasQkvBias }))
  const [q, k, v] = writer.project('qkv', projections, x) as [Buffer, Buffer, Buffer]
  const table = rope === null ? undefined : turns[rope]
  const turn = (name: string, buffer: Buffer): Buffer =>
    table ? b.op('rope', writer.name(name), [buffer, table], { headDim, style: 'half' }) : buffer
  const operands = [turn('rope_q', q), turn('rope_k', k), v, starts, starts, bias]
  const attributes = { heads, kvHeads: heads, scale, ...(isCausal ? { causal: true } : {}), ...(window === null ? {} : { window }) }
  const mixed = b.op('ragged_attention', writer.name('attention'), operands, attributes)
  for (const [tap, buffer] of Object.entries({ q, k, v, attention: mixed })) writer.tap(tap, buffer)
  return writer.residual('attention_output', { role: 'attentionOutput', size: hidden, hasBias: hasOutputBias }, mixed, residual)
}

function mlp(writer: BlockWriter<EncoderRole>, config: EncoderMlp, hidden: number, x: Buffer, residual: Buffer): Buffer {
  const { activation, width, hasBias } = config
  if (activation !== 'quick_gelu') return mlpBlock(writer, { ...config, activation }, hidden, x, residual)
  const [up] = writer.project('mlp_up', [{ role: 'up', size: width, hasBias }], x) as [Buffer]
  const inner = writer.map('mlp_inner', [up], QUICK_GELU)
  writer.tap('mlp_inner', inner)
  return writer.residual('mlp_output', { role: 'down', size: hidden, hasBias }, inner, residual)
}
