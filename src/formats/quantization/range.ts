/** The smallest and largest of `count` values. */
export function range(values: Float32Array, start: number, count: number): { min: number; max: number } {
  let min = values[start]!
  let max = min
  for (let i = start + 1; i < start + count; i++) {
    const x = values[i]!
    if (x < min) min = x
    if (x > max) max = x
  }
  return { min, max }
}
