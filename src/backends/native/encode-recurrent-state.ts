import type { Buffer, CausalConvAttributes, SelectiveScanAttributes } from '../../program/index.ts'
import type { ConvForm } from './conv-weights.ts'
import type { Encoder } from './encoder.ts'

/** A weight `[channels, n]` as f32 panels of sixteen channels. */
export const CHANNELS_FORM: ConvForm = { conv: 'dense', groups: 1 }

const NONE = 0xffffffff

/** The operands that ops with a state share, sequences and channels. */
function encodeState(x: Buffer, state: readonly (Buffer | undefined)[], encoder: Encoder): number[] {
  return [...state.map(buffer => buffer!.id), encoder.dim(state[1]!.shape[0]!), x.shape[1] as number]
}

/** State, then x, dt, A, B, C, skip, gate, y, state size, whether A is a logarithm. */
export function encodeSelectiveScan(
  operands: readonly (Buffer | undefined)[],
  y: number,
  { isLogarithm = false }: SelectiveScanAttributes,
  encoder: Encoder,
): number[] {
  const [x, dt, a, b, c, skip, gate, ...state] = operands
  const matrix = encoder.matrix(a!.id, CHANNELS_FORM)
  const rest = [b!.id, c!.id, skip!.id, gate?.id ?? NONE, y, a!.shape[1] as number, Number(isLogarithm)]
  return [...encodeState(x!, state, encoder), x!.id, dt!.id, matrix, ...rest]
}

/** State, then x, weight, bias, before, after, y, taps, whether there is an activation. */
export function encodeCausalConv(
  operands: readonly (Buffer | undefined)[],
  y: number,
  { activation = 'none' }: CausalConvAttributes,
  encoder: Encoder,
): number[] {
  const [x, weight, bias, before, after, ...state] = operands
  const matrix = encoder.matrix(weight!.id, CHANNELS_FORM)
  const optional = [bias, before, after].map(buffer => buffer?.id ?? NONE)
  return [...encodeState(x!, state, encoder), x!.id, matrix, ...optional, y, weight!.shape[1] as number, Number(activation === 'silu')]
}
