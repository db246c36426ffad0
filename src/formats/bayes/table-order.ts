/** Rows may miss 1 by so much and still be meant as rows. */
const TOLERANCE = 0.01

/** Turns [own state, rows] into [rows, own state]. */
export function turnTable(values: Float64Array, width: number): Float64Array {
  const rows = values.length / width
  const turned = new Float64Array(values.length)
  for (let row = 0; row < rows; row++) for (let s = 0; s < width; s++) turned[row * width + s] = values[s * rows + row]!
  return turned
}

/** True when every `width` numbers sum to about 1. */
export function hasRowSums(values: Float64Array, width: number): boolean {
  for (let row = 0; row < values.length; row += width) {
    let sum = 0
    for (let i = row; i < row + width; i++) sum += values[i]!
    if (!(Math.abs(sum - 1) <= TOLERANCE)) return false
  }
  return true
}
