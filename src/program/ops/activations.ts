/** Activations a matmul can apply to its result. */
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
