/** Views of the rows of a matrix. */
export function rowsOf(values: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: values.length / width }, (_, i) => values.subarray(i * width, (i + 1) * width))
}

/** Rows scaled to length one, in place; a row of zeros stays. */
export function normalised(values: Float32Array, width: number): Float32Array {
  for (const row of rowsOf(values, width)) {
    let squares = 0
    for (const value of row) squares += value * value
    const factor = 1 / Math.max(Math.sqrt(squares), 1e-12)
    for (let i = 0; i < width; i++) row[i]! *= factor
  }
  return values
}

/** Shares of one that the exponentials of scores have. */
export function softmax(scores: ArrayLike<number>): number[] {
  const values = Array.from(scores)
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const powers = values.map(value => Math.exp(value - largest))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map(power => power / sum)
}
