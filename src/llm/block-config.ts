import type { Activation, NormAttributes } from '../program/index.ts'

/** A norm with its own weight. */
export interface NormConfig extends NormAttributes {
  readonly hasBias: boolean
}

/** Two matrices with an activation between them. */
export interface MlpConfig {
  readonly width: number
  readonly activation: Exclude<Activation, 'none'>
  /** activation(gate · x) ∘ (up · x) instead of activation(up · x). */
  readonly isGated: boolean
  readonly hasBias: boolean
}

/** Activations by the names configurations use. */
export const ACTIVATION_NAMES: Readonly<Record<string, MlpConfig['activation']>> = {
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
}
