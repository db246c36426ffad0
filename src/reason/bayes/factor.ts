/** A table of numbers over some variables. */
export interface Factor {
  /** Variables of the table, the last one fastest. */
  readonly scope: readonly number[]
  readonly table: Float64Array
}

/** The number of cells of a table over `scope`; a double, so that it may be larger than any table. */
export function cellCount(scope: Iterable<number>, cards: ArrayLike<number>): number {
  let cells = 1
  for (const variable of scope) cells *= cards[variable]!
  return cells
}
