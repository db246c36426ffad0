import { transcribe } from '../tasks/index.ts'
import { EXIT } from './command.ts'
import { type FlagValues, usageError } from './flags.ts'
import { formatMs, formatPlural } from './format.ts'
import type { Io } from './io.ts'
import { loadModel } from './load-model.ts'
import { generateOptions, type LOAD_FLAGS, loadOptions, type SAMPLING_FLAGS, type SPEECH_FLAGS } from './model-flags.ts'
import { shownOn, styleOf, writeJson } from './terminal.ts'

/** What `run` is called with for a model that hears. */
export interface SpeechRun {
  readonly path: string
  readonly files: readonly string[]
  readonly flags: FlagValues<typeof SPEECH_FLAGS> &
    FlagValues<typeof SAMPLING_FLAGS> &
    FlagValues<typeof LOAD_FLAGS> & { readonly beams: number | undefined; readonly json: boolean; readonly stats: boolean }
  readonly io: Io
}

/** Writes down what is said in a recording: each piece as soon as it is certain, with its times where these are asked for. */
export async function runSpeechModel({ path, files, flags, io }: SpeechRun): Promise<number> {
  const [file, ...others] = files
  if (file === undefined) throw usageError('a model that hears needs a recording', { hint: 'hence run MODEL recording.wav' })
  if (others.length > 0) throw usageError(`a model takes one recording, got ${formatPlural(files.length, 'file')}`, { files })
  const begun = performance.now()
  const model = await loadModel(path, loadOptions(flags), io, flags.json)
  const loaded = performance.now()
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  try {
    const { language, timestamps, translate, beams } = flags
    const result = await transcribe(model, file, {
      ...generateOptions(flags),
      beams,
      language,
      timestamps,
      task: translate ? 'translate' : 'transcribe',
      signal: controller.signal,
      onChunk({ text, timestamp: [start, end] }) {
        if (flags.json) return
        const shown = shownOn(io.stdout, timestamps ? `${start.toFixed(2)}–${end.toFixed(2)} ${text.trim()}\n` : text)
        io.stdout.write(shown)
      },
    })
    if (flags.json) writeJson(io, { model: path, ...result, loadMs: loaded - begun })
    else if (!timestamps) io.stdout.write('\n')
    if (flags.stats && !flags.json) {
      const { dim } = styleOf(io.stderr, io.env)
      io.stderr.write(`${dim(`loaded in ${formatMs(loaded - begun)}, heard in ${formatMs(performance.now() - loaded)}`)}\n`)
    }
    return EXIT.ok
  } finally {
    stopListening()
    await model[Symbol.asyncDispose]()
  }
}
