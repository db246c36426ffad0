import type { Buffer } from '../program/index.ts'
import type { MlpConfig } from './block-config.ts'
import type { BlockWriter } from './block-writer.ts'

/** Roles of an MLP's weights; `gate` only where it is gated. */
export type MlpRole = 'gate' | 'up' | 'down'

/**
 * `residual + down · inner`, where inner is activation(gate · x) ∘ (up · x) or activation(up · x): x `[T, D]` → `[T, hidden]`.
 * Taps: `mlp_inner`.
 */
export function mlpBlock<Role extends string>(
  writer: BlockWriter<Role | MlpRole>,
  { width, activation, isGated, hasBias }: MlpConfig,
  hidden: number,
  x: Buffer,
  residual: Buffer | undefined,
): Buffer {
  const up = { role: 'up', size: width, hasBias } as const
  let inner: Buffer
  if (isGated) {
    const halves = writer.project('gate_up', [{ ...up, role: 'gate' }, up], x)
    inner = writer.map('mlp_inner', halves, ['mul', [activation, { input: 0 }], { input: 1 }])
  } else inner = writer.project('mlp_inner', [up], x, activation)[0]!
  writer.tap('mlp_inner', inner)
  return writer.residual('mlp_output', { role: 'down', size: hidden, hasBias }, inner, residual)
}
