/** Scales numbers to a sum of 1 and returns what the sum was; where it is 0 they stay. */
export function normalize(values: Float64Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  if (sum > 0) for (let i = 0; i < values.length; i++) values[i]! /= sum
  return sum
}
