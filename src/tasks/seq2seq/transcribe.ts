import { type GenerateOptions, HenceError, type LanguageModel, throwIfAborted } from '../../core/index.ts'
import { argmax, prefixOf, timestampRule } from '../../llm/index.ts'
import { LogMel, ResampledAudio } from '../../media/index.ts'
import { boolean, callback, checkOptions, oneOf, text } from '../check-options.ts'
import { type MonoAudio, readAudio } from '../read-audio.ts'
import { SEQ2SEQ_RULES, type Seq2SeqModel, seq2seqOf } from './seq2seq-model.ts'
import { speechPieces } from './speech-pieces.ts'
import type { SpeechSettings } from './speech-settings.ts'
import { languageToken, type SpeechTask, type SpeechTokens, speechTokens } from './speech-tokens.ts'

/** Options of {@link transcribe}: those of `generate`, and what to listen for. */
export interface TranscribeOptions extends Omit<GenerateOptions, 'stop' | 'promptLogprobs' | 'logprobs'> {
  /** Code or English name of the language that is spoken; found out by default. */
  readonly language?: string | undefined
  /** `translate` writes English whatever is spoken. */
  readonly task?: SpeechTask | undefined
  /** Tells when each piece of text is spoken. */
  readonly timestamps?: boolean | undefined
  /** Gets each piece as soon as it is certain; of recordings without times, each stretch. */
  readonly onChunk?: ((chunk: TranscriptionChunk) => void) | undefined
}

/** A piece of a transcription, spelled as transformers.js spells it. */
export interface TranscriptionChunk {
  readonly text: string
  /** Seconds from the beginning of the recording. */
  readonly timestamp: readonly [start: number, end: number]
}

/** What {@link transcribe} hears, spelled as transformers.js spells it. */
export interface Transcription {
  readonly text: string
  /** With { timestamps }. */
  readonly chunks?: readonly TranscriptionChunk[]
  /** Code of the language, given or found out; absent for a model of one language. */
  readonly language?: string
}

const RULES = {
  ...SEQ2SEQ_RULES,
  language: text,
  task: oneOf('transcribe', 'translate'),
  timestamps: boolean,
  onChunk: callback,
}

/**
 * Writes down what is said in a recording, with a Whisper model. Recordings may have any length: a stretch of 30 s is heard at a
 * time, and the next begins where the last whole piece of text ended.
 *
 * @param audio - a path or URL of a WAV file, its bytes, or samples; any sampling rate, several channels are averaged
 * @throws HenceError `OPTION_INVALID` (another model, an unknown language, samples that are no numbers), about the file,
 * `TOKENIZER_MISSING`, `ABORTED`, `DISPOSED`
 * @example
 * ```ts
 * import { load, transcribe } from 'hence'
 * const model = await load('whisper-tiny', { kind: 'language' })
 * const { text, chunks } = await transcribe(model, 'speech.wav', { timestamps: true })
 * console.log(text)
 * for (const { timestamp, text: piece } of chunks ?? []) console.log(timestamp, piece)
 * ```
 */
export async function transcribe(
  model: LanguageModel,
  audio: string | URL | Uint8Array | MonoAudio,
  options: TranscribeOptions = {},
): Promise<Transcription> {
  checkOptions('transcribe', options, RULES)
  const { language, task = 'transcribe', timestamps = false, onChunk, ...given } = options
  const listener = listenerOf(model, timestamps)
  const { speech, tokens } = listener
  const forced = language === undefined ? undefined : languageToken(tokens, language)
  if (task === 'translate' && !tokens.tasks) throw new HenceError('OPTION_INVALID', 'transcribe: the model does not translate')
  throwIfAborted(given.signal)
  const { sampleRate, samples } = await readAudio(audio, given.signal)
  const sound = new ResampledAudio(samples, sampleRate, speech.features.sampleRate)
  const logMel = new LogMel(speech.features)
  const stretch = speech.frames * speech.features.hop
  const isLong = sound.length > stretch
  const chunks: TranscriptionChunk[] = []
  let spoken = forced
  for (let at = 0; at < sound.length; ) {
    throwIfAborted(given.signal)
    const heard = sound.range(at, Math.min(at + stretch, sound.length))
    if (!heard.every(Number.isFinite)) throw new HenceError('OPTION_INVALID', 'transcribe: the recording holds samples that are no numbers')
    const memory = await listener.model.engine.encode(await logMel.features(heard, speech.frames), given.signal)
    spoken ??= await findLanguage(listener, memory, given.signal)
    const orders = { spoken, task, hasTimes: (timestamps || isLong) && tokens.times !== undefined }
    const { pieces, done } = cut(listener, await write(listener, memory, orders, given), heard.length, orders.hasTimes)
    const seconds = at / speech.features.sampleRate
    for (const { start, end, text: piece } of pieces) {
      const chunk = { text: piece, timestamp: [round(seconds + start), round(seconds + end)] as const }
      chunks.push(chunk)
      onChunk?.(chunk)
    }
    at += done
  }
  const code = [...tokens.languages].find(([, id]) => id === spoken)?.[0]
  return {
    text: chunks.map(chunk => chunk.text).join(''),
    ...(timestamps ? { chunks } : {}),
    ...(code === undefined ? {} : { language: code }),
  }
}

/** A model that hears, and how it is spoken to. */
interface Listener {
  readonly model: Seq2SeqModel
  readonly speech: SpeechSettings
  readonly tokens: SpeechTokens
  /** Tokens from here on are no text. */
  readonly end: number
}

function listenerOf(given: LanguageModel, timestamps: boolean): Listener {
  const model = seq2seqOf('transcribe', given)
  const { speech, settings, path } = model.open
  if (!speech) throw new HenceError('OPTION_INVALID', `transcribe: ${path} reads texts and does not hear`, { path })
  const end = Math.min(...settings.endTokens, settings.start)
  const tokens = speechTokens(model.tokenizer(), speech, settings.start, end)
  if (timestamps && !tokens.times) throw new HenceError('OPTION_INVALID', `transcribe: ${path} has no tokens of time`, { path })
  return { model, speech, tokens, end }
}

/** The likeliest language by what the model would write first. */
async function findLanguage(
  { model, tokens: { languages } }: Listener,
  memory: Float32Array,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  if (languages.size === 0) return undefined
  const ids = [...languages.values()]
  let found: number | undefined
  const onLogits = (logits: Float32Array): undefined => {
    found = ids[argmax(Float32Array.from(ids, id => logits[id] ?? -Infinity))]
  }
  const prefix = [model.open.settings.start]
  await model.engine.write({ memory, prefix, mostTokens: 1, rules: [] }, { onLogits }, signal)
  return found
}

interface Orders {
  readonly spoken: number | undefined
  readonly task: SpeechTask
  readonly hasTimes: boolean
}

/** Tokens written about a stretch. */
async function write(
  { model, speech, tokens }: Listener,
  memory: Float32Array,
  { spoken, task, hasTimes }: Orders,
  options: GenerateOptions,
): Promise<readonly number[]> {
  const { settings } = model.open
  const told =
    tokens.tasks && spoken !== undefined ? [settings.start, spoken, tokens.tasks[task]] : prefixOf({ ...settings, forcedStart: [] })
  const prefix = hasTimes || !tokens.times ? told : [...told, tokens.times.none]
  const rules = hasTimes ? [timestampRule({ ...tokens.times!, begin: prefix.length, mostInitial: speech.mostInitial })] : []
  const generation = model.answer({ encode: async () => memory, sourceTokens: 0, settings, prefix, rules }, options)
  const result = await generation.done()
  if (result.finishReason === 'aborted') throw new HenceError('ABORTED', 'the operation was aborted', { cause: options.signal?.reason })
  return result.tokens
}

/** Pieces of text in seconds within a stretch, and samples it is done with. */
function cut({ model, speech, tokens, end }: Listener, written: readonly number[], length: number, hasTimes: boolean) {
  const { hop, sampleRate } = speech.features
  const tokenizer = model.tokenizer()
  const seconds = length / sampleRate
  const textOf = (ids: readonly number[]): string => tokenizer.decode(ids.filter(id => id < end))
  if (!hasTimes || !tokens.times) return { pieces: [{ start: 0, end: seconds, text: textOf(written) }], done: length }
  const step = (2 * hop) / sampleRate
  const { pieces, doneSeconds } = speechPieces(written, { first: tokens.times.first, step, seconds })
  const done = Math.round(doneSeconds * sampleRate)
  return {
    pieces: pieces.map(({ start, end: last, tokens: ids }) => ({ start, end: last, text: textOf(ids) })),
    // A stretch that gets nowhere is left behind whole.
    done: done > 0 ? Math.min(done, length) : length,
  }
}

/** Hundredths of a second. */
function round(seconds: number): number {
  return Math.round(seconds * 100) / 100
}
