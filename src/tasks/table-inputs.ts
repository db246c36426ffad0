import {
  allocate,
  type ElementType,
  f32ToBf16,
  f32ToF16,
  HenceError,
  type ModelValue,
  nearest,
  type ValueDescription,
} from '../core/index.ts'

/** One value of a table; null and the empty text stand for one that is missing. */
export type TableCell = string | number | bigint | boolean | null

/** A row: cells in order, or by the names of their columns. */
export type TableRow = readonly TableCell[] | Readonly<Record<string, TableCell>>

interface Column {
  readonly name: string
  readonly cell: (row: TableRow) => TableCell | undefined
}

/**
 * Rows as the inputs of a model: either one matrix, or one column for each input.
 *
 * @param columns - the order of named columns in a matrix; that of the first row by default
 * @throws HenceError `OPTION_INVALID`, `SHAPE_MISMATCH`, with the row and the column
 */
export function tableInputs(
  inputs: readonly ValueDescription[],
  rows: readonly TableRow[],
  columns: readonly string[] | undefined,
): Record<string, ModelValue> {
  const widths = inputs.map(widthOf)
  const isByName = !Array.isArray(rows[0])
  for (const [i, row] of rows.entries())
    if (Array.isArray(row) === isByName)
      throw new HenceError('OPTION_INVALID', `row ${i + 1} is ${isByName ? 'an array' : 'an object'}, the first row is not`, { row: i + 1 })
  const available = isByName ? (columns ?? Object.keys(rows[0]!)) : undefined
  const isColumnwise = inputs.length > 1 && widths.every(width => width === 1)
  const wanted = isColumnwise && available ? available.filter(name => inputs.some(input => input.name === name)) : available
  const result: Record<string, ModelValue> = {}
  let at = 0
  for (const [i, input] of inputs.entries()) {
    const count = widths[i] ?? (wanted ?? (rows[0] as readonly TableCell[])).length - at
    const chosen =
      isColumnwise && wanted
        ? [namedColumn(requireColumn(input.name, available!))]
        : Array.from({ length: count }, (_, k) => (wanted ? namedColumn(wanted[at + k] ?? '') : numberedColumn(at + k)))
    result[input.name] = fill(input, rows, chosen)
    at += count
  }
  const given = wanted?.length ?? (rows[0] as readonly TableCell[]).length
  if (!(isColumnwise && wanted) && at !== given)
    throw new HenceError('SHAPE_MISMATCH', `the model takes ${at} columns, the table has ${given}`, {
      expected: at,
      got: given,
      inputs: inputs.map(({ name, shape }) => ({ name, shape: shape ?? null })),
    })
  return result
}

/** Columns an input takes; undefined where the file does not say. */
function widthOf({ name, kind, shape }: ValueDescription): number | undefined {
  if (kind !== 'tensor' || (shape && shape.length !== 2 && shape.length !== 1))
    throw new HenceError('OPTION_INVALID', `the input "${name}" is not a table: it is a ${kind} of ${shape?.length ?? 'unknown'} axes`, {
      input: name,
      shape: shape ?? null,
    })
  if (shape?.length === 1) return 1
  return typeof shape?.[1] === 'number' ? shape[1] : undefined
}

function requireColumn(name: string, available: readonly string[]): string {
  if (available.includes(name)) return name
  const close = nearest(name, available)
  throw new HenceError('OPTION_INVALID', `the table has no column "${name}"${close ? `; the nearest is "${close}"` : ''}`, {
    column: name,
    columns: available,
  })
}

function namedColumn(name: string): Column {
  return { name, cell: row => (row as Readonly<Record<string, TableCell>>)[name] }
}

function numberedColumn(at: number): Column {
  return { name: String(at + 1), cell: row => (row as readonly TableCell[])[at] }
}

function fill(input: ValueDescription, rows: readonly TableRow[], columns: readonly Column[]): ModelValue {
  const dtype = input.dtype ?? 'f32'
  const data = allocate(dtype, rows.length * columns.length)
  const store = writers(dtype, input.name)
  for (const [r, row] of rows.entries())
    for (const [c, { name, cell }] of columns.entries()) {
      const value = cell(row)
      if (value === undefined) throw new HenceError('OPTION_INVALID', `row ${r + 1} has no column "${name}"`, { row: r + 1, column: name })
      const converted = store(value)
      if (converted === undefined)
        throw new HenceError('OPTION_INVALID', `row ${r + 1}, column "${name}": ${JSON.stringify(String(value))} is not of type ${dtype}`, {
          row: r + 1,
          column: name,
          value: String(value).slice(0, 80),
          dtype,
        })
      data[r * columns.length + c] = converted as never
    }
  return { dtype, shape: input.shape?.length === 1 ? [rows.length] : [rows.length, columns.length], data } as ModelValue
}

/** How a cell becomes an element; undefined when it cannot. */
function writers(dtype: ElementType, input: string): (value: TableCell) => number | bigint | string | undefined {
  const real = (value: TableCell): number | undefined => {
    if (value === null || value === '') return Number.NaN
    const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
    return Number.isNaN(number) && !(typeof value === 'number' || /^nan$/i.test(String(value))) ? undefined : number
  }
  const whole = (value: TableCell): number | undefined => {
    const number = real(value)
    return Number.isSafeInteger(number) ? number : undefined
  }
  if (dtype === 'string') return value => (value === null ? '' : String(value))
  if (dtype === 'f32' || dtype === 'f64') return real
  if (dtype === 'f16' || dtype === 'bf16') {
    const round = dtype === 'f16' ? f32ToF16 : f32ToBf16
    return value => {
      const number = real(value)
      return number === undefined ? undefined : round(number)
    }
  }
  if (dtype === 'i64' || dtype === 'u64')
    return value => {
      if (typeof value === 'bigint') return value
      const number = whole(value)
      return number === undefined ? undefined : BigInt(number)
    }
  if (dtype === 'bool') return value => (/^(true|1)$/i.test(String(value)) ? 1 : /^(false|0)$/i.test(String(value)) ? 0 : undefined)
  if (/^[iu](8|16|32)$/.test(dtype)) return whole
  throw new HenceError('OPTION_INVALID', `the input "${input}" takes ${dtype}, which a table cannot hold`, { input, dtype })
}
