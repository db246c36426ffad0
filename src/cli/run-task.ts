import { extname } from 'node:path'
import { HenceError, type TensorModel } from '../core/index.ts'
import { readSmallFile } from '../formats/index.ts'
import { parseCsv } from '../media/index.ts'
import {
  classifyImage,
  classifyImageZeroShot,
  detectVoice,
  embedImage,
  type ImageClassification,
  identifyFileType,
  predictTable,
  type TablePrediction,
  type TableRow,
} from '../tasks/index.ts'
import type { FlagValues } from './flags.ts'
import { formatNumber, formatPlural } from './format.ts'
import { tableLines } from './table.ts'
import { pictureOptions, type TaskName, type TENSOR_FLAGS } from './tensor-flags.ts'

/** What a task found, for people and for programs. */
export interface TaskReport {
  readonly lines: readonly string[]
  readonly json: Readonly<Record<string, unknown>>
  /** What was assumed, and which flag says otherwise. */
  readonly notes?: readonly string[]
}

/** What a task is called with. */
export interface TaskCall {
  readonly model: TensorModel
  readonly file: string
  readonly flags: FlagValues<typeof TENSOR_FLAGS>
  readonly signal: AbortSignal
}

const MAX_TEXT_BYTES = 2 ** 29

/** Does a task with a file. */
export function runTask(task: TaskName, call: TaskCall): Promise<TaskReport> {
  return RUNNERS[task](call)
}

const RUNNERS: Readonly<Record<TaskName, (call: TaskCall) => Promise<TaskReport>>> = {
  async 'classify-image'({ model, file, flags, signal }) {
    const labels = flags.labels === undefined ? undefined : await readLabels(flags.labels)
    const result = await classifyImage(model, file, { ...pictureOptions(flags), signal, ...(labels ? { labels } : {}) })
    return {
      lines: tableLines(
        result.classes.map(({ label, score }) => [`${(score * 100).toFixed(1)} %`, label]),
        [0],
      ),
      json: { ...result },
      notes: pictureNotes(result, labels !== undefined),
    }
  },
  async 'classify-image-zero-shot'({ model, file, flags, signal }) {
    const classes = await classifyImageZeroShot(model, file, flags.label, { signal })
    const rows = classes.map(({ label, score }) => [`${(score * 100).toFixed(1)} %`, label])
    return { lines: tableLines(rows, [0]), json: { classes } }
  },
  async 'embed-image'({ model, file, signal }) {
    const vector = Array.from((await embedImage(model, file, { signal })).data)
    return { lines: [JSON.stringify(vector)], json: { vector } }
  },
  async 'identify-file-type'({ model, file, flags, signal }) {
    const result = await identifyFileType(model, file, { confidence: flags.confidence, signal })
    const { label, modelLabel, score, overwritten } = result
    const why = overwritten === 'no' ? '' : `, the model says ${modelLabel}${overwritten === 'low-confidence' ? ' but is not sure' : ''}`
    return { lines: [`${label} (${(score * 100).toFixed(1)} %${why})`], json: { ...result } }
  },
  async 'detect-voice'({ model, file, flags, signal }) {
    const { segments, probabilities, ...rest } = await detectVoice(model, file, { threshold: flags.threshold, signal })
    const spoken = segments.reduce((sum, { start, end }) => sum + end - start, 0)
    return {
      lines: [
        ...tableLines(
          segments.map(({ start, end }) => [`${start.toFixed(2)} s`, `${end.toFixed(2)} s`]),
          [0, 1],
        ),
        `${formatPlural(segments.length, 'segment')}, ${formatNumber(spoken)} s of speech in ${formatNumber(rest.seconds)} s`,
      ],
      json: { segments, probabilities: [...probabilities], ...rest },
    }
  },
  async 'predict-table'({ model, file, flags, signal }) {
    const { rows, notes } = await readTable(model, file)
    const classes = flags.labels === undefined ? undefined : await readLabels(flags.labels)
    const predictions = await predictTable(model, rows, { signal, ...(classes ? { classes } : {}) })
    return { lines: predictionLines(predictions), json: { predictions }, notes }
  },
}

function pictureNotes({ preparation, assumed, classes }: ImageClassification, hasLabels: boolean): string[] {
  const shown = assumed.map(name => {
    const value = preparation[name]
    const text = typeof value === 'object' ? JSON.stringify(value).replaceAll('"', '') : value
    return `${name} ${text} (--${name})`
  })
  const notes = shown.length > 0 ? [`the model's files do not say how pictures are prepared; assumed: ${shown.join(', ')}`] : []
  const isNumbered = !hasLabels && classes.every(({ label, index }) => label === String(index))
  return isNumbered ? [...notes, 'the classes have no names; give them with --labels FILE'] : notes
}

function predictionLines(predictions: readonly TablePrediction[]): string[] {
  const classes = Object.keys(predictions[0]?.probabilities ?? {})
  const rows = predictions.map(({ value, probabilities }) => [
    Array.isArray(value) ? value.map(formatCell).join(' ') : formatCell(value as string | number),
    ...classes.map(name => (probabilities?.[name] ?? Number.NaN).toFixed(4)),
  ])
  const right = classes.map((_, i) => i + 1)
  return tableLines(classes.length > 0 ? [['prediction', ...classes], ...rows] : rows, right)
}

function formatCell(value: string | number): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(7))) : value
}

/** Rows of a CSV file. A first row with a cell that is no number, above rows of numbers or matching the inputs' names, names the columns. */
async function readTable(model: TensorModel, file: string): Promise<{ rows: TableRow[]; notes: string[] }> {
  const text = Buffer.from(await readSmallFile(file, MAX_TEXT_BYTES)).toString('utf8')
  const [first, ...rest] = parseCsv(text, file, extname(file).toLowerCase() === '.tsv' ? '\t' : ',')
  if (!first) throw new HenceError('FILE_MALFORMED', `${file} has no rows`, { path: file })
  const isNumber = (cell: string): boolean => cell !== '' && !Number.isNaN(Number(cell))
  const names = new Set(model.describe().inputs.map(({ name }) => name))
  const isHeader = first.some(cell => names.has(cell)) || (!first.some(isNumber) && rest.some(row => row.some(isNumber)))
  if (!isHeader) return { rows: [first, ...rest], notes: [] }
  const isNamed = first.some(cell => names.has(cell))
  const rows = isNamed ? rest.map(row => Object.fromEntries(row.map((cell, i) => [first[i]!, cell]))) : rest
  return { rows, notes: isNamed ? [] : ['the first row names the columns; they are taken in their order'] }
}

/** Names of classes: a JSON array, a JSON object by index, or a line each, from which the ids of WordNet are dropped. */
async function readLabels(path: string): Promise<string[]> {
  const text = Buffer.from(await readSmallFile(path, MAX_TEXT_BYTES)).toString('utf8')
  if (/^\s*[[{]/.test(text)) {
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch (cause) {
      throw new HenceError('FILE_MALFORMED', `${path} begins as JSON but is not`, { path, cause })
    }
    return Object.values(json as object).map(label => (Array.isArray(label) ? String(label.at(-1)) : String(label)))
  }
  return text
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .map(line => line.replace(/^n\d{8}\s+/, ''))
}
