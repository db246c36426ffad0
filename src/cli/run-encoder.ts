import { type TensorModel, type TensorModelDescription, tensor } from '../core/index.ts'
import { type Aggregation, classifyText, classifyTokens, embedText, fillMask, inspect, isEncoder, load } from '../tasks/index.ts'
import { EXIT } from './command.ts'
import { type FlagValues, usageError } from './flags.ts'
import { formatMs, formatPlural } from './format.ts'
import type { Io } from './io.ts'
import { type LOAD_FLAGS, loadOptions } from './model-flags.ts'
import { readLines } from './read-prompt.ts'
import { runTensorModel } from './run-tensor.ts'
import { tableLines } from './table.ts'
import { type ENCODER_FLAGS, type TASK_NAMES, TASKS, type TENSOR_FLAGS, TEXT_TASKS, type TextTaskName } from './tensor-flags.ts'
import { checkResultPath, writeResult } from './tensor-result.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

/** What `run` is called with for an encoder. */
export interface EncoderRun {
  readonly path: string
  readonly words: readonly string[]
  readonly flags: FlagValues<typeof TENSOR_FLAGS> &
    FlagValues<typeof ENCODER_FLAGS> &
    FlagValues<typeof LOAD_FLAGS> & { readonly prompt: string | undefined; readonly json: boolean; readonly stats: boolean }
  readonly io: Io
}

/** What a task made of some texts: lines for people, data for programs. */
interface Report {
  readonly lines: readonly string[]
  readonly results: unknown
}

/** Runs an encoder once: a task on texts, on a picture, or named tensors. */
export async function runEncoderModel(call: EncoderRun): Promise<number> {
  const { path, words, flags, io } = call
  const task = taskOf(await inspect(path, { kind: 'tensor' }), flags)
  if (task === undefined || flags.input.length > 0)
    return runTensorModel({ path, files: words, flags: { ...flags, task: fileTask(flags.task) }, io })
  if (flags.output !== undefined) {
    if (task !== 'embed-text') throw usageError('--output writes vectors; use it with --embed', { flag: 'output' })
    checkResultPath(flags.output, 1)
  }
  const texts = await readTexts(call)
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  try {
    const begun = performance.now()
    const { backend, threads, target, precision } = loadOptions(flags)
    await using model = await load(path, { kind: 'tensor', backend, threads, target, precision, signal: controller.signal })
    const loaded = performance.now()
    const cut: number[] = []
    const options = { signal: controller.signal, onTruncation: ({ index }: { index: number }) => void cut.push(index) }
    const { lines, results } = await RUNNERS[task](model, texts, { ...options, flags })
    if (flags.json) writeJson(io, { model: path, task, texts, results })
    else if (flags.output === undefined) for (const line of lines) io.stdout.write(`${printable(line)}\n`)
    const { dim } = styleOf(io.stderr, io.env)
    const tell = (text: string): void => void io.stderr.write(`${dim(text)}\n`)
    if (flags.output !== undefined) tell(`written to ${flags.output}`)
    if (cut.length > 0) tell(`note: ${formatPlural(cut.length, 'text')} longer than the model takes, the end of which was left out`)
    if (flags.stats && !flags.json) tell(`loaded in ${formatMs(loaded - begun)}, ran in ${formatMs(performance.now() - loaded)}`)
    return EXIT.ok
  } finally {
    stopListening()
  }
}

/** True for the folder of an encoder. */
export const isEncoderModel: (path: string) => Promise<boolean> = isEncoder

/** What a model does with texts; undefined where it is to read a picture. */
function taskOf({ metadata, outputs, inputs }: TensorModelDescription, flags: EncoderRun['flags']): TextTaskName | undefined {
  if (flags.embed && flags.task !== undefined && flags.task !== 'embed-text' && flags.task !== 'embed-image')
    throw usageError(`--embed and --task ${flags.task} do not go together`)
  const [given] = TEXT_TASKS.filter(name => name === flags.task)
  if (given) return given
  if (flags.task !== undefined || flags.label.length > 0) return undefined
  const readsPictures = inputs.some(({ name }) => name === 'pixel_values')
  if (readsPictures) return undefined
  if (flags.embed || outputs.some(({ name }) => name === 'text_embeds')) return 'embed-text'
  return TASK_OF_HEAD[metadata['head'] ?? ''] ?? 'embed-text'
}

const TASK_OF_HEAD: Readonly<Record<string, TextTaskName>> = {
  'masked-lm': 'fill-mask',
  sequence: 'classify-text',
  token: 'classify-tokens',
}

function fileTask(task: (typeof TASK_NAMES)[number] | undefined): (typeof TASKS)[number] | undefined {
  return TASKS.find(name => name === task)
}

/** The text of the flag or of the words, else a text for each line of standard input. */
async function readTexts({ words, flags, io }: EncoderRun): Promise<string[]> {
  if (flags.prompt !== undefined) return [flags.prompt]
  if (words.length > 0 && !(words.length === 1 && words[0] === '-')) return [words.join(' ')]
  if (words.length === 0 && io.stdin.isTTY)
    throw usageError('hence run needs a text', { hint: 'Write it after the model, or pipe in a text per line.' })
  const lines: string[] = []
  for await (const line of readLines(io)) lines.push(line)
  return lines
}

type Runner = (
  model: TensorModel,
  texts: readonly string[],
  options: { readonly signal: AbortSignal; readonly onTruncation: (cut: { index: number }) => void; readonly flags: EncoderRun['flags'] },
) => Promise<Report>

const RUNNERS: Readonly<Record<TextTaskName, Runner>> = {
  async 'embed-text'(model, texts, { flags, ...options }) {
    const embeddings = await embedText(model, texts, options)
    const [, width] = embeddings.shape as [number, number]
    if (flags.output !== undefined) await writeResult(flags.output, { embeddings: tensor('f32', embeddings.shape, embeddings.data) })
    const results = texts.map((_, i) => Array.from(embeddings.data.subarray(i * width, (i + 1) * width)))
    return { lines: results.map(row => JSON.stringify(row)), results }
  },
  async 'fill-mask'(model, texts, { flags: { top = 5 }, ...options }) {
    const results = await fillMask(model, texts, { ...options, top })
    return { lines: results.flatMap(found => percentLines(found.map(({ score, sequence }) => [score, sequence]))), results }
  },
  async 'classify-text'(model, texts, { flags: { top = 5 }, ...options }) {
    const results = await classifyText(model, texts, { ...options, top })
    return { lines: results.flatMap(found => percentLines(found.map(({ score, label }) => [score, label]))), results }
  },
  async 'classify-tokens'(model, texts, { flags, ...options }) {
    const aggregation: Aggregation = flags.aggregation ?? 'simple'
    if (aggregation === 'none') {
      const results = await classifyTokens(model, texts, options)
      return { lines: results.flatMap(found => percentLines(found.map(({ score, entity, word }) => [score, entity, word]))), results }
    }
    const results = await classifyTokens(model, texts, { ...options, aggregation })
    return {
      lines: results.flatMap(found => percentLines(found.map(({ score, entityGroup, word }) => [score, entityGroup, word]))),
      results,
    }
  },
}

function percentLines(rows: readonly (readonly [number, ...string[]])[]): string[] {
  return tableLines(
    rows.map(([score, ...rest]) => [`${(score * 100).toFixed(1)} %`, ...rest]),
    [0],
  )
}
