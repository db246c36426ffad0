import { HenceError, nearest } from '../../core/index.ts'
import type { ObservedDistribution } from './evaluate-estimand.ts'
import { cellsOf } from './value-table.ts'

/** One case: the state of each variable. */
export type Case = Readonly<Record<string, string | number | boolean>>

/** Hence's own limits. */
const MAX_CASES = 10_000_000
const MAX_STATES = 4096

/**
 * Data as a distribution: how often each combination of states was seen, of all cases. States are in alphabetical order.
 *
 * @param variables - columns to read
 * @throws HenceError `OPTION_INVALID` for no cases, or a case without one of the variables
 */
export function countedSource(cases: Iterable<Case>, variables: readonly string[]): ObservedDistribution {
  const rows: string[][] = []
  for (const one of cases) {
    if (rows.length >= MAX_CASES) throw new HenceError('OPTION_INVALID', `there are more than ${MAX_CASES} cases`, { limit: MAX_CASES })
    rows.push(variables.map(name => stateIn(one, name, { row: rows.length, variables })))
  }
  if (rows.length === 0) throw new HenceError('OPTION_INVALID', 'there are no cases to count')
  const states = variables.map((name, column) => {
    const own = [...new Set(rows.map(row => row[column]!))].sort()
    if (own.length > MAX_STATES)
      throw new HenceError(
        'OPTION_INVALID',
        `${name} has ${own.length} different values; a variable here has at most ${MAX_STATES} states`,
        {
          variable: name,
          limit: MAX_STATES,
        },
      )
    return own
  })
  const columnOf = (name: string): number => {
    const column = variables.indexOf(name)
    if (column < 0) throw new HenceError('OPTION_INVALID', `the data have no variable "${name}"`, { variable: name })
    return column
  }
  const numbered = states.map((own, column) => {
    const numbers = new Map(own.map((state, i) => [state, i]))
    return Uint16Array.from(rows, row => numbers.get(row[column]!)!)
  })
  return {
    states: name => states[columnOf(name)]!,
    *joint(wanted) {
      yield
      const columns = wanted.map(columnOf)
      const counts = new Float64Array(cellsOf(columns.map(column => states[column]!.length)))
      for (let row = 0; row < rows.length; row++) {
        let cell = 0
        for (const column of columns) cell = cell * states[column]!.length + numbered[column]![row]!
        counts[cell]!++
      }
      return counts.map(count => count / rows.length)
    },
  }
}

function stateIn(one: Case, name: string, { row, variables }: { row: number; variables: readonly string[] }): string {
  const value = Object.hasOwn(one, name) ? one[name] : undefined
  if (value !== undefined && value !== null && value !== '') return String(value)
  const close = nearest(
    name,
    Object.keys(one).filter(key => !variables.includes(key)),
  )
  throw new HenceError('OPTION_INVALID', `case ${row} has no ${name}${close && !(name in one) ? `; did you mean "${close}"?` : ''}`, {
    case: row,
    variable: name,
    hint: 'Every case needs a value of every observed variable of the graph; leave out cases, or hide the variable.',
  })
}
