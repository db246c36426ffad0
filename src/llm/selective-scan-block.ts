import type { Buffer } from '../program/index.ts'
import type { BlockWriter } from './block-writer.ts'
import type { SelectiveScanConfig } from './decoder-config.ts'
import { type StateStep, statePool } from './state-step.ts'

/**
 * Roles of a selective scan's weights. `scanInput` and `scanGate` project x; `stateStep`, `stateInput` and `stateOutput` (Δ, B
 * and C) project what the convolution gives.
 */
export type SelectiveScanRole =
  | ('scanInput' | 'scanGate' | 'scanConv' | 'stateStep' | 'stateInput' | 'stateOutput')
  | ('timeStep' | 'decay' | 'skip' | 'scanOutput')

/**
 * Mamba's mixer, with states `conv{index}` and `scan{index}`: x `[T, D]` → residual + output `[T, hidden]`.
 * Source: Gu & Dao 2023. Taps: `conv`, `scan`.
 */
export function selectiveScanBlock<Role extends string>(
  writer: BlockWriter<Role | SelectiveScanRole>,
  config: SelectiveScanConfig,
  { hidden, index }: { readonly hidden: number; readonly index: number },
  step: StateStep,
  x: Buffer,
  residual: Buffer | undefined,
): Buffer {
  const { width, stateSize, timeStepRank, taps, isLogarithm, hasConvBias, hasBias } = config
  const b = writer.builder
  const [input, gate] = writer.project(
    'scan_input',
    [
      { role: 'scanInput', size: width, hasBias },
      { role: 'scanGate', size: width, hasBias },
    ],
    x,
  ) as [Buffer, Buffer]
  const convolved = b.op(
    'causal_conv',
    writer.name('conv'),
    [
      ...[input, writer.weight('scanConv', [width, taps]), hasConvBias ? writer.bias('scanConv', width) : undefined, undefined, undefined],
      ...statePool(b, `conv${index}`, [taps - 1, width], step),
    ],
    { activation: 'silu' },
  )
  writer.tap('conv', convolved)
  const [rank, inputs, outputs] = writer.project(
    'state_projections',
    [
      { role: 'stateStep', size: timeStepRank, hasBias: false },
      { role: 'stateInput', size: stateSize, hasBias: false },
      { role: 'stateOutput', size: stateSize, hasBias: false },
    ],
    convolved,
  ) as [Buffer, Buffer, Buffer]
  const timeStep = writer.project('time_step', [{ role: 'timeStep', size: width, hasBias: true }], rank)[0]!
  const decay = writer.weight('decay', [width, stateSize])
  const scanned = b.op(
    'selective_scan',
    writer.name('scan'),
    [
      ...[convolved, timeStep, decay, inputs, outputs, writer.weight('skip', [width]), gate],
      ...statePool(b, `scan${index}`, [width, stateSize], step),
    ],
    { isLogarithm },
  )
  writer.tap('scan', scanned)
  return writer.residual('scan_output', { role: 'scanOutput', size: hidden, hasBias }, scanned, residual)
}
