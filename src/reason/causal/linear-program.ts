/** Minimise `objective` · v over v ≥ 0 with `rows` · v = `values`. */
export interface LinearProgram {
  readonly objective: readonly number[]
  readonly rows: readonly (readonly number[])[]
  readonly values: readonly number[]
}

const TOLERANCE = 1e-10
/** Rounding could make even Bland's rule go round in circles; no program of this size needs so many. */
const MAX_PIVOTS = 20_000
/** Rows may contradict each other by rounding. */
const FEASIBLE = 1e-8

/**
 * The least value of a linear program, by the two-phase simplex method on a dense table. Bland's rule keeps it from going round
 * in circles.
 * Source: Chvátal, "Linear Programming" (1983), chapters 2, 3 and 8.
 *
 * @returns undefined where no v meets the rows; -Infinity where there is no least value
 */
export function minimise({ objective, rows, values }: LinearProgram): number | undefined {
  const [count, width] = [rows.length, objective.length]
  // One artificial variable a row starts as its basis; the last column holds the values.
  const table = rows.map((row, i) => {
    const sign = values[i]! < 0 ? -1 : 1
    return Float64Array.from([...row.map(entry => sign * entry), ...rows.map((_, j) => Number(i === j)), sign * values[i]!])
  })
  const basis = rows.map((_, i) => width + i)
  const last = width + count
  const first = new Float64Array(last + 1)
  for (const row of table) for (const [j, entry] of row.entries()) if (j < width || j === last) first[j]! -= entry
  improve(table, basis, first, last)
  if (-first[last]! > FEASIBLE) return undefined
  for (const [i, variable] of basis.entries()) {
    // An artificial variable that stayed is zero; where its row has nothing else, the row said nothing new.
    const at = variable < width ? -1 : table[i]!.subarray(0, width).findIndex(entry => Math.abs(entry) > TOLERANCE)
    if (at >= 0) pivot(table, basis, first, i, at)
  }
  const second = new Float64Array(last + 1)
  second.set(objective)
  for (const [i, variable] of basis.entries()) {
    const cost = variable < width ? objective[variable]! : 0
    if (cost !== 0) for (let j = 0; j <= last; j++) second[j]! -= cost * table[i]![j]!
  }
  return improve(table, basis, second, width) ? -second[last]! : Number.NEGATIVE_INFINITY
}

/** Pivots until no column before `columns` lowers the cost; false where the cost falls for ever. */
function improve(table: readonly Float64Array[], basis: number[], costs: Float64Array, columns: number): boolean {
  const last = costs.length - 1
  for (let pivots = 0; ; pivots++) {
    let enter = 0
    while (enter < columns && costs[enter]! >= -TOLERANCE) enter++
    if (enter === columns || pivots >= MAX_PIVOTS) return enter === columns
    let leave = -1
    let least = Number.POSITIVE_INFINITY
    for (const [i, row] of table.entries()) {
      if (row[enter]! <= TOLERANCE) continue
      const reach = row[last]! / row[enter]!
      if (reach < least - TOLERANCE || (reach <= least + TOLERANCE && (leave < 0 || basis[i]! < basis[leave]!))) {
        least = Math.min(least, reach)
        leave = i
      }
    }
    if (leave < 0) return false
    pivot(table, basis, costs, leave, enter)
  }
}

function pivot(table: readonly Float64Array[], basis: number[], costs: Float64Array, row: number, column: number): void {
  const chosen = table[row]!
  const scale = 1 / chosen[column]!
  for (let j = 0; j < chosen.length; j++) chosen[j]! *= scale
  for (const other of [...table, costs]) {
    const factor = other[column]!
    if (other === chosen || factor === 0) continue
    for (let j = 0; j < chosen.length; j++) other[j]! -= factor * chosen[j]!
  }
  basis[row] = column
}
