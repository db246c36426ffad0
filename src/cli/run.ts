import type { Generation, GenerationResult, LanguageModel } from '../core/index.ts'
import { type Call, type Command, defineCommand, EXIT } from './command.ts'
import { switchFlag, textFlag, usageError } from './flags.ts'
import type { Io } from './io.ts'
import { loadModel } from './load-model.ts'
import { generateOptions, LOAD_FLAGS, loadOptions, SAMPLING_FLAGS } from './model-flags.ts'
import { readInput } from './read-prompt.ts'
import { answerStats } from './stats.ts'
import { shownOn, styleOf, writeJson } from './terminal.ts'

const FLAGS = {
  prompt: textFlag('TEXT', 'the prompt, instead of words after MODEL'),
  chat: switchFlag("asks the prompt as a question, through the model's chat template"),
  ...SAMPLING_FLAGS,
  ...LOAD_FLAGS,
  stats: switchFlag('timings on standard error'),
}

export const runCommand: Command = defineCommand({
  name: 'run',
  summary: 'continues a prompt: text in, text out',
  usage: 'run MODEL [PROMPT…]',
  flags: FLAGS,
  notes: [
    'Prints the continuation and a line break, nothing else. The prompt is --prompt, else the words after MODEL, else',
    'standard input (also as `-`), whose last line break is left out. An empty prompt begins a text.',
  ],
  examples: [
    'hence run model.gguf --prompt "Once upon a time" --max-tokens 64',
    'hence run model.gguf --chat "What is a tensor?" --temperature 0',
    'cat notes.txt | hence run model.gguf - --json',
  ],
  run,
})

async function run({ flags, positionals, io }: Call<typeof FLAGS>): Promise<number> {
  const [path, ...words] = positionals
  if (path === undefined) throw usageError('hence run needs a model', { hint: 'hence run MODEL [PROMPT…]; see `hence help run`.' })
  const prompt = await readPrompt(flags.prompt, words, io)
  const begun = performance.now()
  const model = await loadModel(path, loadOptions(flags), io, flags.json)
  const loadMs = performance.now() - begun
  const controller = new AbortController()
  const stopListening = io.onInterrupt(() => controller.abort())
  try {
    const generation = start(model, prompt, flags, controller.signal)
    const result = flags.json ? await generation.done() : await stream(generation, io)
    if (flags.json) writeJson(io, { model: path, ...result, loadMs })
    if (flags.stats && !flags.json) {
      const { dim } = styleOf(io.stderr, io.env)
      for (const line of answerStats(result, { loadMs, backend: model.describe().backend?.name })) io.stderr.write(`${dim(line)}\n`)
    }
    return result.finishReason === 'aborted' ? EXIT.interrupted : EXIT.ok
  } finally {
    stopListening()
    await model[Symbol.asyncDispose]()
  }
}

function start(model: LanguageModel, prompt: string, flags: Call<typeof FLAGS>['flags'], signal: AbortSignal): Generation {
  const options = { ...generateOptions(flags), signal }
  return flags.chat ? model.chat([{ role: 'user', content: prompt }], options) : model.generate(prompt, options)
}

/** Prints the pieces as they come. */
async function stream(generation: Generation, { stdout }: Io): Promise<GenerationResult> {
  for await (const { text } of generation) if (text !== '') stdout.write(shownOn(stdout, text))
  stdout.write('\n')
  return generation.done()
}

async function readPrompt(given: string | undefined, words: readonly string[], io: Io): Promise<string> {
  if (given !== undefined && words.length > 0)
    throw usageError(`the prompt is given twice: with --prompt and as "${words.join(' ')}"`, { hint: 'Leave one of them out.' })
  if (given !== undefined) return given
  if (words.length > 0 && !(words.length === 1 && words[0] === '-')) return words.join(' ')
  if (words.length === 0 && io.stdin.isTTY)
    throw usageError('hence run needs a prompt', {
      hint: 'Write it after the model, give it with --prompt, or pipe it in; `hence chat MODEL` is interactive.',
    })
  return readInput(io)
}
