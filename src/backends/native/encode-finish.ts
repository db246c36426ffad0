import type { OutputAttributes } from '../../program/index.ts'
import type { Encoder } from './encoder.ts'

/** The order of `Activation` in native/kernels.h. */
const ACTIVATIONS = 'none relu silu gelu gelu_tanh sigmoid tanh hard_swish hard_sigmoid clip leaky_relu'.split(' ')

/** Activation, its two parameters, and whether the residual goes inside it. */
export function encodeFinish({ activation = 'none', residual }: OutputAttributes, encoder: Encoder): number[] {
  const [name, parameters] = typeof activation === 'string' ? [activation, []] : Object.entries(activation)[0]!
  const [a = 0, b = 0] = [parameters].flat()
  return [ACTIVATIONS.indexOf(name), encoder.float(a), encoder.float(b), residual === 'before_activation' ? 1 : 0]
}
