import { type Buffer, boundDim } from '../../program/index.ts'
import type { BlockWriter } from '../block-writer.ts'
import type { HeadConfig, TowerConfig } from './encoder-config.ts'
import type { EncoderRole } from './encoder-roles.ts'
import { QUICK_GELU } from './quick-gelu.ts'

/**
 * Writes a head over x `[T, hidden]`: output `head` `[L, size]`. Inputs: `rows` i32 `[L]`, the tokens it works on, or, where
 * it works on means, `shares` f32 `[L, T]`, each token's part in each row.
 */
export function writeHead(
  writer: BlockWriter<EncoderRole>,
  { hidden, norm }: Pick<TowerConfig, 'hidden' | 'norm'>,
  head: HeadConfig,
  x: Buffer,
): void {
  const b = writer.builder
  const L = boundDim('L')
  let y =
    head.pooling === 'mean'
      ? b.op('batched_matmul', 'pooled', [b.input('shares', 'f32', [L, x.shape[0]!]), x, undefined], {})
      : b.op('gather', 'pooled', [x, b.input('rows', 'i32', [L])], {})
  if (head.hasPooledNorm) y = writer.norm('pooled_norm', 'finalNorm', y, norm)
  writer.tap('pooled', y)
  if (head.dense) {
    const { activation, hasBias } = head.dense
    const projection = { role: 'headDense', size: hidden, hasBias } as const
    if (activation === 'quick_gelu') y = writer.map('head_gelu', writer.project('head_dense', [projection], y), QUICK_GELU)
    else y = writer.project('head_dense', [projection], y, activation)[0]!
  }
  if (head.norm) y = writer.norm('head_norm', 'headNorm', y, head.norm)
  if (head.output) {
    const { size, hasBias, isTied } = head.output
    const weight = writer.weight(isTied ? 'embedding' : 'headOutput', [size, hidden])
    const bias = hasBias ? writer.bias('headOutput', size) : undefined
    y = b.op('matmul', 'head', [y, undefined, undefined, weight, bias], {})
  }
  b.output('head', y)
}
