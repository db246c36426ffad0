const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI)

/**
 * The error function, to a few units of a double's last place.
 * Source: Abramowitz & Stegun 7.1.6 (series) and 7.1.14 (continued fraction of the complement).
 */
export function erf(x: number): number {
  const magnitude = Math.abs(x)
  if (magnitude > 6) return Math.sign(x)
  if (magnitude < 2.5) {
    const square = x * x
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * square) / (2 * n + 1)
      sum += term
    }
    return TWO_OVER_ROOT_PI * Math.exp(-square) * sum
  }
  // NaN comes this way and stays NaN.
  let fraction = magnitude
  for (let n = 60; n >= 1; n--) fraction = magnitude + n / 2 / fraction
  const complement = Math.exp(-magnitude * magnitude) / (fraction * Math.sqrt(Math.PI))
  return x < 0 ? complement - 1 : 1 - complement
}

/** 1 / (1 + e⁻ˣ) without overflow. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x))
  const power = Math.exp(x)
  return power / (1 + power)
}

/** log(1 + eˣ) without overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}
