/** The sixteen values of IQ4_NL and IQ4_XS, denser near zero. */
export const NON_LINEAR_GRID: Int8Array = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)

/** The sixteen values of E2M1 floats, doubled so that they are integers: sign in bit 3. */
export const E2M1_DOUBLED_GRID: Int8Array = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)

/** Index of the grid value nearest to `x`; 0 when `x` is NaN. */
export function nearestOnGrid(grid: Int8Array, x: number): number {
  let best = 0
  for (let i = 1; i < grid.length; i++) if (Math.abs(grid[i]! - x) < Math.abs(grid[best]! - x)) best = i
  return best
}
