import type { Buffer } from '../program/index.ts'
import type { BlockWriter } from './block-writer.ts'
import type { ShortConvConfig } from './decoder-config.ts'
import { type StateStep, statePool } from './state-step.ts'

/** Roles of a gated short convolution's weights: what gates its input, what gates its output, the input itself. */
export type ShortConvRole = 'convInputGate' | 'convOutputGate' | 'convInput' | 'shortConv' | 'convOutput'

/**
 * LFM2's mixer, with state `conv{index}`: `residual + output · (c ⊙ conv(b ⊙ u))` where b, c and u project x: x `[T, D]` →
 * `[T, hidden]`. Taps: `conv`.
 */
export function shortConvBlock<Role extends string>(
  writer: BlockWriter<Role | ShortConvRole>,
  { width, taps, hasBias }: ShortConvConfig,
  { hidden, index }: { readonly hidden: number; readonly index: number },
  step: StateStep,
  x: Buffer,
  residual: Buffer | undefined,
): Buffer {
  const projected = (['convInputGate', 'convOutputGate', 'convInput'] as const).map(role => ({ role, size: width, hasBias }))
  const [before, after, input] = writer.project('conv_input', projected, x) as [Buffer, Buffer, Buffer]
  const weight = writer.weight('shortConv', [width, taps])
  const bias = hasBias ? writer.bias('shortConv', width) : undefined
  const operands = [input, weight, bias, before, after, ...statePool(writer.builder, `conv${index}`, [taps - 1, width], step)]
  const convolved = writer.builder.op('causal_conv', writer.name('conv'), operands, {})
  writer.tap('conv', convolved)
  return writer.residual('conv_output', { role: 'convOutput', size: hidden, hasBias }, convolved, residual)
}
