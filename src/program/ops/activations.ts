import { check } from '../op.ts'

/** Activations without parameters. */
export type Activation = 'none' | 'relu' | 'silu' | 'gelu' | 'gelu_tanh' | 'sigmoid' | 'tanh'

/** The definition of each activation. */
export const ACTIVATIONS: Readonly<Record<Activation, (x: number) => number>> = {
  none: x => x,
  relu: x => Math.max(x, 0),
  silu: x => x / (1 + Math.exp(-x)),
  gelu: x => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: x => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  sigmoid: x => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
}

/**
 * Activations that matmuls and convolutions can apply to their results: `clip` to two bounds (either may be infinite),
 * `leaky_relu` with the slope of negative numbers, `hard_sigmoid` = clip(slope · x + offset, 0, 1), `hard_swish` =
 * x · clip(x / 6 + 1/2, 0, 1). NaN stays NaN.
 */
export type OutputActivation =
  | Activation
  | 'hard_swish'
  | { readonly clip: readonly [low: number, high: number] }
  | { readonly leaky_relu: number }
  | { readonly hard_sigmoid: readonly [slope: number, offset: number] }

/** Where a residual is added to a result: `activation(sum + residual)` or `residual + activation(sum)`. */
export type ResidualPlace = 'before_activation' | 'after_activation'

/** What a matmul or convolution does to its sums, bias included. */
export interface OutputAttributes {
  readonly activation?: OutputActivation
  /** `after_activation` by default. */
  readonly residual?: ResidualPlace
}

/** The definition of an output activation and its residual. @throws HenceError `PROGRAM_INVALID` */
export function outputOf(
  op: string,
  { activation = 'none', residual = 'after_activation' }: OutputAttributes,
): (sum: number, residual: number) => number {
  const activate = outputActivation(op, activation)
  check(residual === 'before_activation' || residual === 'after_activation', op, `a residual cannot be added ${residual}`)
  return residual === 'before_activation' ? (sum, r) => activate(sum + r) : (sum, r) => r + activate(sum)
}

function outputActivation(op: string, activation: OutputActivation): (x: number) => number {
  if (activation === 'hard_swish') return x => x * clip(x / 6 + 0.5, 0, 1)
  if (typeof activation === 'string') {
    check(activation in ACTIVATIONS, op, `unknown activation ${activation}`)
    return ACTIVATIONS[activation]
  }
  const parameters = Object.values(activation).flat()
  check(
    parameters.every(p => typeof p === 'number' && !Number.isNaN(p)),
    op,
    'parameters of an activation must be numbers',
  )
  const [a = 0, b = 0] = parameters.map(Math.fround)
  if ('clip' in activation) return x => clip(x, a, b)
  if ('leaky_relu' in activation) return x => (x < 0 ? a * x : x)
  check('hard_sigmoid' in activation, op, `unknown activation ${Object.keys(activation)}`)
  return x => clip(a * x + b, 0, 1)
}

function clip(x: number, low: number, high: number): number {
  return Math.min(Math.max(x, low), high)
}

/**
 * The error function to double precision: its series near zero, a continued fraction for the complement further out.
 * Source: Abramowitz & Stegun 7.1.6 and 7.1.14.
 */
export function erf(x: number): number {
  const t = Math.abs(x)
  if (Number.isNaN(t)) return x
  if (t > 6) return Math.sign(x)
  if (t < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1)
      sum += term
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
  }
  let fraction = t
  for (let n = 60; n >= 1; n--) fraction = t + n / 2 / fraction
  return Math.sign(x) * (1 - Math.exp(-t * t) / (Math.sqrt(Math.PI) * fraction))
}
