import { HenceError } from '../../core/index.ts'

/** Files written with a few digits have rows that miss 1 a little; a row that misses it by more was meant otherwise. */
const MAX_DEVIATION = 0.01
/** Deviations that come from adding numbers alone. */
const ROUNDING = 1e-12

/** What normalising the rows of all tables met. */
export interface RowReport {
  /** Rows in all tables. */
  readonly count: number
  /** Rows that missed 1 by more than 1e-12 and were divided by their sum. */
  readonly normalized: number
  /** The largest distance from 1. */
  readonly worstDeviation: number
}

/** A variable as far as the shape of a table needs it. */
interface Dimension {
  readonly name: string
  readonly states: readonly string[]
}

/**
 * Copies a table with every row divided by its sum.
 *
 * @param shape - the parents, then the variable itself
 * @throws HenceError `NETWORK_INVALID` naming the row that is at fault
 */
export function readTable(
  table: ArrayLike<number>,
  shape: readonly Dimension[],
  report: { -readonly [K in keyof RowReport]: RowReport[K] },
): Float64Array {
  const self = shape.at(-1)!
  const width = self.states.length
  const size = shape.reduce((product, { states }) => product * states.length, 1)
  if (table.length !== size) {
    const sizes = shape.map(({ states }) => states.length).join(' × ')
    throw new HenceError('NETWORK_INVALID', `the table of ${self.name} has ${table.length} cells instead of ${sizes} = ${size}`, {
      variable: self.name,
      expected: size,
      got: table.length,
    })
  }
  const cpt = Float64Array.from(table)
  for (let row = 0; row < size; row += width) {
    let sum = 0
    for (let i = row; i < row + width; i++) {
      const p = cpt[i]!
      if (!(p >= 0 && p < Number.POSITIVE_INFINITY)) throw badRow(shape, row, `has the entry ${p}`, { entry: String(p) })
      sum += p
    }
    const deviation = Math.abs(sum - 1)
    if (!(deviation <= MAX_DEVIATION)) throw badRow(shape, row, `sums to ${sum} instead of 1`, { sum })
    report.count++
    if (deviation > report.worstDeviation) report.worstDeviation = deviation
    if (deviation > ROUNDING) report.normalized++
    if (sum !== 1) for (let i = row; i < row + width; i++) cpt[i]! /= sum
  }
  return cpt
}

function badRow(shape: readonly Dimension[], row: number, fault: string, details: Readonly<Record<string, unknown>>): HenceError {
  const self = shape.at(-1)!
  let rest = Math.floor(row / self.states.length)
  const given: string[] = []
  for (const { name, states } of shape.slice(0, -1).reverse()) {
    given.unshift(`${name}=${states[rest % states.length]}`)
    rest = Math.floor(rest / states.length)
  }
  const where = given.length === 0 ? '' : ` | ${given.join(', ')}`
  return new HenceError('NETWORK_INVALID', `the row P(${self.name}${where}) ${fault}`, { variable: self.name, given, ...details })
}
