import { HenceError, type ModelValue, type TensorModel, throwIfAborted } from '../core/index.ts'
import { abortSignal, checkOptions, type OptionRule } from './check-options.ts'
import { requireTensorModel } from './require-tensor-model.ts'
import { type TableRow, tableInputs } from './table-inputs.ts'

/** Options of {@link predictTable}. */
export interface PredictTableOptions {
  /** The order of named columns where the model takes them as one matrix; that of the first row by default. */
  readonly columns?: readonly string[] | undefined
  /** Names of the classes where the model does not state them. */
  readonly classes?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a model says of one row. */
export interface TablePrediction {
  /** The class, or the number predicted, or several. */
  readonly value: string | number | readonly number[]
  /** By class; absent where the model gives none. */
  readonly probabilities?: Readonly<Record<string, number>>
}

const texts: OptionRule = value =>
  Array.isArray(value) && value.every(entry => typeof entry === 'string') ? undefined : 'an array of texts'
const RULES: Readonly<Record<string, OptionRule>> = { columns: texts, classes: texts, signal: abortSignal }

/**
 * Predicts a value for each row of a table, with a model made by scikit-learn, XGBoost, LightGBM or the like. Columns are
 * matched by name where the model takes them one by one.
 *
 * @throws HenceError `OPTION_INVALID` (missing columns, cells of the wrong type), `SHAPE_MISMATCH`, `ABORTED`, `DISPOSED`
 * @example
 * ```ts
 * import { load, predictTable } from 'hence'
 * const model = await load('iris.onnx')
 * const [prediction] = await predictTable(model, [[5.1, 3.5, 1.4, 0.2]])
 * console.log(prediction?.value, prediction?.probabilities)
 * ```
 */
export async function predictTable(
  model: TensorModel,
  rows: readonly TableRow[],
  options: PredictTableOptions = {},
): Promise<TablePrediction[]> {
  checkOptions('predictTable', options, RULES)
  const { columns, classes, signal } = options
  throwIfAborted(signal)
  if (rows.length === 0) return []
  requireTensorModel('predictTable', model)
  const { inputs, outputs } = model.describe()
  const stated = inputs[0]?.shape?.[0]
  const batch = typeof stated === 'number' && stated > 0 ? stated : rows.length
  if (rows.length % batch !== 0)
    throw new HenceError('SHAPE_MISMATCH', `the model takes ${batch} rows at a time, the table has ${rows.length}`, {
      expected: batch,
      got: rows.length,
    })
  const predictions: TablePrediction[] = []
  for (let at = 0; at < rows.length; at += batch) {
    const results = await model.run(tableInputs(inputs, rows.slice(at, at + batch), columns), { signal })
    const values = outputs.map(({ name }) => results[name]!)
    predictions.push(...readPredictions(values, batch, classes))
  }
  return predictions
}

function readPredictions(values: readonly ModelValue[], rows: number, classes: readonly string[] | undefined): TablePrediction[] {
  const label = values.find(value => 'data' in value && (value.dtype === 'string' || value.dtype === 'i64' || value.dtype === 'i32'))
  const others = values.filter(value => value !== label)
  const shares = others.map(value => probabilitiesOf(value, rows, classes)).find(found => found !== undefined)
  const first = label ?? others.find(value => 'data' in value)
  if (!first || !('data' in first) || first.data.length % rows !== 0 || first.data.length === 0)
    throw new HenceError('OPTION_INVALID', `predictTable: the model does not give one result for each of ${rows} rows`, { rows })
  const width = first.data.length / rows
  return Array.from({ length: rows }, (_, row) => {
    const cells = Array.from({ length: width }, (_, i) => (first.data as ArrayLike<number | bigint | string>)[row * width + i]!)
    const [only] = cells
    const value = width > 1 ? cells.map(Number) : typeof only === 'string' ? only : Number(only)
    const probabilities = label ? shares?.[row] : undefined
    return { value, ...(probabilities ? { probabilities } : {}) }
  })
}

/** Probabilities by class: a map for each row, or a matrix of them. */
function probabilitiesOf(
  value: ModelValue,
  rows: number,
  classes: readonly string[] | undefined,
): Readonly<Record<string, number>>[] | undefined {
  if ('data' in value) {
    const { dtype, shape, data } = value
    if ((dtype !== 'f32' && dtype !== 'f64') || shape.length !== 2 || shape[0] !== rows) return undefined
    const width = shape[1]!
    return Array.from({ length: rows }, (_, row) =>
      Object.fromEntries(Array.from({ length: width }, (_, i) => [classes?.[i] ?? String(i), (data as Float32Array)[row * width + i]!])),
    )
  }
  if (value.kind !== 'sequence' || value.items.length !== rows) return undefined
  return value.items.map(item => {
    if (!('entries' in item)) return {}
    return Object.fromEntries([...item.entries].map(([key, entry]) => [String(key), numberOf(entry)]))
  })
}

function numberOf(entry: ModelValue | number | string | bigint): number {
  return typeof entry === 'object' ? ('data' in entry ? Number(entry.data[0]) : Number.NaN) : Number(entry)
}
