import { HenceError } from '../../core/index.ts'

/** One number for each combination of states: row-major, the last variable fastest. NaN where the number is not defined. */
export interface ValueTable {
  readonly variables: readonly string[]
  /** States of each variable. */
  readonly sizes: readonly number[]
  readonly values: Float64Array
}

/** 256 MiB; a table beyond it is refused before it is made. */
const MAX_CELLS = 2 ** 25

/** A table without variables. */
export function constantTable(value: number): ValueTable {
  return { variables: [], sizes: [], values: Float64Array.of(value) }
}

/** The product. Nothing known times zero is zero: what never happens needs no number. */
export function multiplyTables(a: ValueTable, b: ValueTable): ValueTable {
  return combine(a, b, (x, y) => (x === 0 || y === 0 ? 0 : x * y))
}

/** The ratio; not defined where the divisor is zero. */
export function divideTables(a: ValueTable, b: ValueTable): ValueTable {
  return combine(a, b, (x, y) => (y === 0 ? Number.NaN : x / y))
}

/** The sum over variables of the table. */
export function sumTable(table: ValueTable, over: ReadonlySet<string>): ValueTable {
  const kept = table.variables.filter(name => !over.has(name))
  const sizes = kept.map(name => sizeOf(table, name))
  const values = new Float64Array(cellsOf(sizes))
  const places = stridesIn({ variables: kept, sizes }, table.variables)
  forEachCell(table.sizes, [places], ([to], at) => {
    values[to!]! += table.values[at]!
  })
  return { variables: kept, sizes, values }
}

/** The part of the table where variables have given states. */
export function sliceTable(table: ValueTable, states: ReadonlyMap<string, number>): ValueTable {
  const kept = table.variables.filter(name => !states.has(name))
  if (kept.length === table.variables.length) return table
  const sizes = kept.map(name => sizeOf(table, name))
  const strides = stridesIn(table, table.variables)
  const start = table.variables.reduce((sum, name, i) => sum + (states.get(name) ?? 0) * strides[i]!, 0)
  const values = new Float64Array(cellsOf(sizes))
  forEachCell(sizes, [stridesIn(table, kept)], ([from], at) => {
    values[at] = table.values[start + from!]!
  })
  return { variables: kept, sizes, values }
}

/** The table with its variables in another order. */
export function orderTable(table: ValueTable, variables: readonly string[]): ValueTable {
  const sizes = variables.map(name => sizeOf(table, name))
  const values = new Float64Array(table.values.length)
  forEachCell(sizes, [stridesIn(table, variables)], ([from], at) => {
    values[at] = table.values[from!]!
  })
  return { variables, sizes, values }
}

/** The sum over variables of a product of tables, one variable at a time, the one that makes the smallest table first. */
export function sumOfProduct(tables: readonly ValueTable[], over: Iterable<string>): ValueTable {
  let left = [...tables]
  const waiting = new Set(over)
  while (waiting.size > 0) {
    const [next] = [...waiting].map(name => ({ name, cells: jointCells(left, name) })).sort((a, b) => a.cells - b.cells)
    const { name } = next!
    waiting.delete(name)
    const about = left.filter(({ variables }) => variables.includes(name))
    left = left.filter(table => !about.includes(table))
    left.push(sumTable(about.reduce(multiplyTables, constantTable(1)), new Set([name])))
  }
  return left.reduce(multiplyTables, constantTable(1))
}

function jointCells(tables: readonly ValueTable[], name: string): number {
  const sizes = new Map<string, number>()
  for (const { variables, sizes: own } of tables)
    if (variables.includes(name)) for (const [i, variable] of variables.entries()) sizes.set(variable, own[i]!)
  return [...sizes.values()].reduce((product, size) => product * size, 1)
}

function combine(a: ValueTable, b: ValueTable, operate: (x: number, y: number) => number): ValueTable {
  const added = b.variables.filter(name => !a.variables.includes(name))
  const variables = [...a.variables, ...added]
  const sizes = [...a.sizes, ...added.map(name => sizeOf(b, name))]
  const values = new Float64Array(cellsOf(sizes))
  forEachCell(sizes, [stridesIn(a, variables), stridesIn(b, variables)], ([inA, inB], at) => {
    values[at] = operate(a.values[inA!]!, b.values[inB!]!)
  })
  return { variables, sizes, values }
}

function sizeOf({ variables, sizes }: Pick<ValueTable, 'variables' | 'sizes'>, name: string): number {
  return sizes[variables.indexOf(name)]!
}

/** For each of `variables` how far apart its states lie in a table; 0 where the table lacks it. */
function stridesIn({ variables: own, sizes }: Pick<ValueTable, 'variables' | 'sizes'>, variables: readonly string[]): number[] {
  const strides = new Map<string, number>()
  let stride = 1
  for (let i = own.length - 1; i >= 0; i--) {
    strides.set(own[i]!, stride)
    stride *= sizes[i]!
  }
  return variables.map(name => strides.get(name) ?? 0)
}

/** The number of cells. @throws HenceError `INFERENCE_TOO_LARGE` */
export function cellsOf(sizes: readonly number[]): number {
  const cells = sizes.reduce((product, size) => product * size, 1)
  if (cells > MAX_CELLS)
    throw new HenceError('INFERENCE_TOO_LARGE', `a table of ${sizes.join(' × ')} = ${cells} cells is more than ${MAX_CELLS}`, {
      cells,
      limit: MAX_CELLS,
      hint: 'Ask about fewer variables at once, or hide those that matter less.',
    })
  return cells
}

/** Visits all cells in order; with `strides` for other tables, their places as well. */
function forEachCell(
  sizes: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (places: readonly number[], at: number) => void,
): void {
  const states = sizes.map(() => 0)
  const places = strides.map(() => 0)
  const cells = cellsOf(sizes)
  for (let at = 0; at < cells; at++) {
    visit(places, at)
    for (let i = sizes.length - 1; i >= 0; i--) {
      const wraps = ++states[i]! === sizes[i]!
      for (const [table, own] of strides.entries()) places[table]! += own[i]! * (wraps ? 1 - sizes[i]! : 1)
      if (!wraps) break
      states[i] = 0
    }
  }
}
