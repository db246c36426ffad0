import type { ModelValue, TensorModel } from '../core/index.ts'
import { load } from '../tasks/index.ts'
import { EXIT } from './command.ts'
import { type FlagValues, usageError } from './flags.ts'
import { formatMs, formatPlural } from './format.ts'
import { guessTask } from './guess-task.ts'
import type { Io } from './io.ts'
import { type LOAD_FLAGS, loadOptions } from './model-flags.ts'
import { runTask } from './run-task.ts'
import { readTensorArguments } from './tensor-argument.ts'
import { TASKS, type TENSOR_FLAGS } from './tensor-flags.ts'
import { checkResultPath, plainValue, valueLines, writeResult } from './tensor-result.ts'
import { printable, styleOf, writeJson } from './terminal.ts'

/** What `run` is called with for a model that computes tensors. */
export interface TensorRun {
  readonly path: string
  readonly files: readonly string[]
  readonly flags: FlagValues<typeof TENSOR_FLAGS> & FlagValues<typeof LOAD_FLAGS> & { readonly json: boolean; readonly stats: boolean }
  readonly io: Io
}

/** Runs a tensor model once: on tensors given with `--input`, or a task on a file. */
export async function runTensorModel({ path, files, flags, io }: TensorRun): Promise<number> {
  const [file, ...others] = files
  if (others.length > 0) throw usageError(`a model takes one file, got ${formatPlural(files.length, 'file')}`, { files })
  if (file !== undefined && flags.input.length > 0) throw usageError(`give inputs with --input or the file ${file}, not both`)
  if (file !== undefined && flags.output !== undefined) throw usageError('--output writes tensors; use it with --input')
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  const { signal } = controller
  try {
    const begun = performance.now()
    const { backend, threads, target, precision } = loadOptions(flags)
    await using model = await load(path, { kind: 'tensor', backend, threads, target, precision, signal })
    const loaded = performance.now()
    if (file === undefined) await runOnTensors(model, path, flags, io, signal)
    else {
      const task = TASKS.find(name => name === flags.task) ?? (await guessTask(model.describe(), file, flags.label))
      if (flags.task !== undefined && flags.task !== task) throw usageError(`--task ${flags.task} takes texts and an encoder, not a file`)
      const { lines, json, notes = [] } = await runTask(task, { model, file, flags, signal })
      if (flags.json) writeJson(io, { model: path, task, file, ...json })
      else for (const line of lines) io.stdout.write(`${printable(line)}\n`)
      for (const note of notes) tell(io, `note: ${note}`)
    }
    if (flags.stats && !flags.json) tell(io, `loaded in ${formatMs(loaded - begun)}, ran in ${formatMs(performance.now() - loaded)}`)
    return EXIT.ok
  } finally {
    stopListening()
  }
}

async function runOnTensors(model: TensorModel, path: string, flags: TensorRun['flags'], io: Io, signal: AbortSignal): Promise<void> {
  const { inputs, optionalInputs, outputs } = model.describe()
  if (flags.output !== undefined) checkResultPath(flags.output, outputs.length)
  const shown = inputs.map(({ name, dtype, shape }) => `${name} ${dtype ?? '?'} [${shape?.map(size => size ?? '?').join(', ') ?? '?'}]`)
  if (flags.input.length === 0 && inputs.length > 0)
    throw usageError(`hence run needs the inputs of the model: ${shown.join(', ')}`, {
      inputs,
      hint: `Give them with --input ${inputs[0]!.name}=FILE.npy, or name a picture, a recording or a table.`,
    })
  const results: Record<string, ModelValue> = await model.run(await readTensorArguments(flags.input, [...inputs, ...optionalInputs]), {
    signal,
  })
  if (flags.output !== undefined) await writeResult(flags.output, results)
  if (flags.json) {
    const plain = Object.fromEntries(Object.entries(results).map(([name, value]) => [name, plainValue(value)]))
    writeJson(io, flags.output === undefined ? { model: path, outputs: plain } : { model: path, output: flags.output })
    return
  }
  for (const line of valueLines(results)) io.stdout.write(`${line}\n`)
  if (flags.output !== undefined) tell(io, `written to ${flags.output}`)
}

function tell(io: Io, text: string): void {
  io.stderr.write(`${styleOf(io.stderr, io.env).dim(printable(text))}\n`)
}
