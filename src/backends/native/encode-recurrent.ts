import { type Buffer, RECURRENT_GATES, type RecurrentAttributes, type RecurrentKind } from '../../program/index.ts'
import type { ConvForm } from './conv-weights.ts'
import type { Encoder } from './encoder.ts'

/** The orders of RecurrentKind and GateKind in native/kernels.h. */
const KINDS: readonly RecurrentKind[] = ['lstm', 'gru', 'rnn']
const FUNCTIONS = 'relu tanh sigmoid softsign softplus affine leaky_relu thresholded_relu scaled_tanh hard_sigmoid elu'.split(' ')
const MOST_FUNCTIONS = 3
const NONE = 0xffffffff

/** The weights of the state: every gate in whole panels. */
export function recurrentForm({ kind }: RecurrentAttributes): ConvForm {
  return { conv: 'dense', groups: RECURRENT_GATES[kind] }
}

/** Buffers and the matrix, time, batch, hidden size, kind, flags, clip, then three functions with two parameters each. */
export function encodeRecurrent(
  inputs: readonly (Buffer | undefined)[],
  outputs: readonly number[],
  attributes: RecurrentAttributes,
  encoder: Encoder,
): readonly number[] {
  const { kind, activations, clip = Number.POSITIVE_INFINITY, reversed, linearBeforeReset, couplesInputForget } = attributes
  const [x, r] = inputs as readonly [Buffer, Buffer]
  const [time, batch] = x.shape
  const flags = (reversed ? 1 : 0) | (linearBeforeReset ? 2 : 0) | (couplesInputForget ? 4 : 0)
  const functions = Array.from({ length: MOST_FUNCTIONS }, (_, i) => activations[i] ?? activations[0]!)
  return [
    x.id,
    encoder.matrix(r.id, recurrentForm(attributes)),
    ...[2, 3, 4, 5, 6].map(position => inputs[position]?.id ?? NONE),
    ...[0, 1, 2].map(position => outputs[position] ?? NONE),
    encoder.dim(time!),
    encoder.dim(batch!),
    r.shape[1] as number,
    KINDS.indexOf(kind),
    flags,
    encoder.float(clip),
    ...functions.flatMap(({ name, alpha = 0, beta = 0 }) => [FUNCTIONS.indexOf(name), encoder.float(alpha), encoder.float(beta)]),
  ]
}
