import type { Generation, GenerationResult, LanguageModel } from '../core/index.ts'
import { detectFormat } from '../formats/index.ts'
import { isCausalQuery } from '../reason/index.ts'
import { CAUSAL_FLAGS } from './causal-flags.ts'
import { type Call, type Command, defineCommand, EXIT } from './command.ts'
import { findSource } from './find-source.ts'
import { integerFlag, switchFlag, textFlag, usageError } from './flags.ts'
import { readsOf } from './inspect-seq2seq.ts'
import type { Io } from './io.ts'
import { loadModel } from './load-model.ts'
import {
  generateOptions,
  LOAD_FLAGS,
  loadOptions,
  SAMPLING_FLAGS,
  SCHEDULING_FLAGS,
  SPEECH_FLAGS,
  schedulingOptions,
} from './model-flags.ts'
import { NETWORK_FLAGS } from './network-flags.ts'
import { readInput } from './read-prompt.ts'
import { runCausal } from './run-causal.ts'
import { isEncoderModel, runEncoderModel } from './run-encoder.ts'
import { runNetwork } from './run-network.ts'
import { runSpeechModel } from './run-speech.ts'
import { runTensorModel } from './run-tensor.ts'
import { answerStats } from './stats.ts'
import { ENCODER_FLAGS, givenFlags, TASKS, TENSOR_FLAGS, TEXT_TASKS } from './tensor-flags.ts'
import { shownOn, styleOf, writeJson } from './terminal.ts'

const PROMPT_FLAGS = {
  prompt: textFlag('TEXT', 'the prompt, instead of words after MODEL'),
  chat: switchFlag("asks the prompt as a question, through the model's chat template"),
  ...SAMPLING_FLAGS,
  beams: integerFlag('N', 'texts an encoder–decoder follows side by side', { min: 1, max: 64 }, "the model's own"),
}

const FLAGS = {
  ...PROMPT_FLAGS,
  ...SPEECH_FLAGS,
  ...TENSOR_FLAGS,
  ...ENCODER_FLAGS,
  ...NETWORK_FLAGS,
  ...CAUSAL_FLAGS,
  ...LOAD_FLAGS,
  ...SCHEDULING_FLAGS,
  stats: switchFlag('timings on standard error'),
}

export const runCommand: Command = defineCommand({
  name: 'run',
  summary: 'runs a model once: text in, text out; or a file or tensors in, an answer out',
  usage: 'run MODEL [PROMPT… | FILE]',
  flags: FLAGS,
  notes: [
    'Prints the continuation and a line break, nothing else. The prompt is --prompt, else the words after MODEL, else',
    'standard input (also as `-`), whose last line break is left out. An empty prompt begins a text.',
    '',
    'An ONNX model takes a file instead: a picture to classify, a file to tell the type of, a WAV recording to find speech in,',
    'or a CSV table to predict from. Which of these it is, is told from the model. Or it takes tensors, with --input.',
    '',
    'An encoder (BERT and its kind) takes a text, or a text per line of standard input, and does what it was trained for: fills',
    'masks, classifies texts or their tokens; --embed gives vectors. ViT and CLIP take a picture; CLIP with --label for each class.',
    '',
    'A Bayesian network takes a question: variables, a bar, then findings and interventions, as in',
    "'lung, bronc | smoke=yes, xray=[0.8, 0.3], do(asia=no)'. Without a question it answers with every variable.",
    '',
    'A causal graph, and a network whose arcs are causes, takes P(y | do(x)), P(y[x=no] | x=yes) for what would have been, or',
    "'a _||_ b | c'; the answer has the formula, or why there is none, and numbers where the network or --data has them.",
    '',
    'An encoder–decoder reads the prompt and writes an answer: T5, Bart, Marian. A Whisper model takes a WAV recording and writes',
    'down what is said in it.',
    '',
    `Tasks: ${TASKS.join(', ')},`,
    `${TEXT_TASKS.join(', ')}.`,
  ],
  examples: [
    'hence run model.gguf --prompt "Once upon a time" --max-tokens 64',
    'hence run model.gguf --chat "What is a tensor?" --temperature 0',
    'cat notes.txt | hence run model.gguf - --json',
    'hence run squeezenet.onnx dog.jpg --labels labels.txt --top 5',
    'hence run model.onnx --input x=x.npy --output out.safetensors',
    'hence run bert-base-uncased "Paris is the [MASK] of France."',
    'cat notes.txt | hence run all-MiniLM-L6-v2 --embed --output vectors.npy',
    'hence run clip-vit-base-patch32 photo.jpg --label "a cat" --label "a dog"',
    'hence run whisper-tiny speech.wav --timestamps --language de',
    "hence run asia.bif 'lung | smoke=yes, xray=yes'",
    "hence run graph.causal 'P(cancer | do(smoking))' --svg graph.svg",
  ],
  run,
})

async function run({ flags, positionals, io }: Call<typeof FLAGS>): Promise<number> {
  const [source, ...words] = positionals
  if (source === undefined) throw usageError('hence run needs a model', { hint: 'hence run MODEL [PROMPT…]; see `hence help run`.' })
  if (flags.prompt !== undefined && words.length > 0)
    throw usageError(`the prompt is given twice: with --prompt and as "${words.join(' ')}"`, { hint: 'Leave one of them out.' })
  const path = await findSource(source, io, flags.json)
  const { kind } = await detectFormat(path)
  if (kind === 'network' || kind === 'causal') {
    const isCausal = kind === 'causal' || flags.hidden.length > 0 || flags.data !== undefined || isCausalQuery(words.join(' '))
    const { timeout: _, ...networkOnly } = { ...NETWORK_FLAGS, seed: 0 }
    const foreign = { ...PROMPT_FLAGS, ...SPEECH_FLAGS, ...TENSOR_FLAGS, ...ENCODER_FLAGS, ...LOAD_FLAGS, ...SCHEDULING_FLAGS }
    const others = givenFlags(isCausal ? { ...foreign, ...networkOnly } : foreign, isCausal ? flags : { ...flags, seed: undefined })
    if (others.length > 0) {
      const what = kind === 'causal' ? 'a causal graph' : isCausal ? 'a Bayesian network asked about causes' : 'a Bayesian network'
      throw usageError(`${path} is ${what}, which has no use for --${others.join(', --')}`, { flags: others })
    }
    return isCausal ? runCausal({ path, kind, words, flags, io }) : runNetwork({ path, words, flags, io })
  }
  const isGraph = kind === 'onnx'
  const isEncoder = !isGraph && (await isEncoderModel(path))
  const hears = !isGraph && !isEncoder && (await readsOf(path)) === 'sound'
  const { prompt: _, ...noPrompt } = PROMPT_FLAGS
  const useless = isEncoder
    ? { ...noPrompt, ...SPEECH_FLAGS, ...SCHEDULING_FLAGS, context: 0, tokenizer: 0 }
    : isGraph
      ? { ...PROMPT_FLAGS, ...SPEECH_FLAGS, ...SCHEDULING_FLAGS, ...ENCODER_FLAGS, context: 0, tokenizer: 0 }
      : { ...TENSOR_FLAGS, ...ENCODER_FLAGS, ...(hears ? { ...SCHEDULING_FLAGS, prompt: 0, chat: 0, stop: 0 } : SPEECH_FLAGS) }
  const misplaced = givenFlags({ ...useless, ...NETWORK_FLAGS, ...CAUSAL_FLAGS }, flags)
  if (misplaced.length > 0)
    throw usageError(
      `${path} is ${isGraph ? 'an ONNX model' : isEncoder ? 'an encoder' : hears ? 'a model that hears' : 'a language model'}, which has no use for --${misplaced.join(', --')}`,
      {
        flags: misplaced,
      },
    )
  if (isGraph) return runTensorModel({ path, files: words, flags, io })
  if (isEncoder) return runEncoderModel({ path, words, flags, io })
  if (hears) return runSpeechModel({ path, files: words, flags, io })
  const prompt = await readPrompt(flags.prompt, words, io)
  const begun = performance.now()
  const model = await loadModel(path, { ...loadOptions(flags), ...schedulingOptions(flags) }, io, flags.json)
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
  const options = { ...generateOptions(flags), ...(flags.beams === undefined ? {} : { beams: flags.beams }), signal }
  return flags.chat ? model.chat([{ role: 'user', content: prompt }], options) : model.generate(prompt, options)
}

/** Prints the pieces as they come. */
async function stream(generation: Generation, { stdout }: Io): Promise<GenerationResult> {
  for await (const { text } of generation) if (text !== '') stdout.write(shownOn(stdout, text))
  stdout.write('\n')
  return generation.done()
}

async function readPrompt(given: string | undefined, words: readonly string[], io: Io): Promise<string> {
  if (given !== undefined) return given
  if (words.length > 0 && !(words.length === 1 && words[0] === '-')) return words.join(' ')
  if (words.length === 0 && io.stdin.isTTY)
    throw usageError('hence run needs a prompt', {
      hint: 'Write it after the model, give it with --prompt, or pipe it in; `hence chat MODEL` is interactive.',
    })
  return readInput(io)
}
