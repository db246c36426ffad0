import { dirname, join } from 'node:path'
import { isHenceError } from '../../core/index.ts'
import { type DetectedFormat, detectFormat, MAX_JSON_BYTES, openHuggingFaceFolder, readJsonObject } from '../../formats/index.ts'
import {
  DEFAULT_SAMPLING,
  type GenerationSettings,
  isSeq2SeqConfig,
  readGenerationSettings,
  type Sampling,
  type Seq2SeqSource,
  seq2seqFromHuggingFace,
} from '../../llm/index.ts'
import { type Tokenizer, tokenizerFromJson } from '../../text/index.ts'
import { findTokenizer, openTokenizer } from '../find-tokenizer.ts'
import type { OpenModelOptions } from '../open-model.ts'
import { samplingFromHuggingFace } from '../sampling-defaults.ts'
import { readSpeechSettings, type SpeechSettings } from './speech-settings.ts'

/** An encoder–decoder as its files describe it, no weight read yet. */
export interface OpenSeq2Seq {
  readonly path: string
  readonly source: Seq2SeqSource
  readonly tokenizer: Tokenizer | undefined
  readonly settings: GenerationSettings
  readonly sampling: Sampling
  /** Settings for a task by its name, such as `summarization`: a text that goes in front of others, and how to generate. */
  taskSettings(task: string): { readonly prefix: string; readonly settings: GenerationSettings } | undefined
  /** Of a model that hears. */
  readonly speech: SpeechSettings | undefined
}

/** The folder of an encoder–decoder; undefined for any other source. */
export async function seq2seqFolder({ kind, path }: DetectedFormat, signal?: AbortSignal): Promise<string | undefined> {
  if (kind !== 'huggingface' && kind !== 'safetensors') return undefined
  const folder = kind === 'huggingface' ? path : dirname(path)
  try {
    return isSeq2SeqConfig(await readJsonObject(join(folder, 'config.json'), MAX_JSON_BYTES, signal)) ? folder : undefined
  } catch (error) {
    // Whoever opens the model says what is wrong with its configuration.
    if (isHenceError(error, 'ABORTED')) throw error
    return undefined
  }
}

/** True when there is an encoder–decoder at a path. @throws HenceError as {@link detectFormat} */
export async function isSeq2Seq(path: string): Promise<boolean> {
  return (await seq2seqFolder(await detectFormat(path))) !== undefined
}

/** Opens the encoder–decoder in a folder; the caller closes its checkpoint. @throws HenceError about files, configuration and tokenizer */
export async function openSeq2Seq(path: string, { signal, tokenizer: given }: OpenModelOptions): Promise<OpenSeq2Seq> {
  const { config, generationConfig, tokenizerJson, tokenizerConfig, checkpoint } = await openHuggingFaceFolder(path, { signal })
  try {
    const source = seq2seqFromHuggingFace(config, checkpoint, `${path} config.json`)
    const { vocabulary } = source.config
    const tokenizer =
      typeof given === 'string'
        ? await openTokenizer(given, vocabulary)
        : (given ?? (tokenizerJson ? tokenizerFromJson(tokenizerJson, tokenizerConfig) : await findTokenizer(path, vocabulary)))
    const origin = `${path} ${generationConfig ? 'generation_config.json' : 'config.json'}`
    const settings = readGenerationSettings(config, generationConfig, vocabulary, origin)
    const { input } = source.config.encoder
    return {
      path,
      source,
      tokenizer,
      settings,
      sampling: readSampling({ ...config, ...generationConfig }, origin),
      taskSettings(task) {
        const special = objectOf(objectOf(config['task_specific_params'])?.[task])
        if (!special) return undefined
        const own = { ...(generationConfig ?? config), ...special }
        return { prefix: String(special['prefix'] ?? ''), settings: readGenerationSettings(config, own, vocabulary, `${origin} ${task}`) }
      },
      speech: input.kind === 'sound' ? await readSpeechSettings(path, input, generationConfig ?? {}, signal) : undefined,
    }
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

/** Encoder–decoders take the likeliest token unless their files ask for drawing. */
function readSampling(config: Readonly<Record<string, unknown>>, origin: string): Sampling {
  return config['do_sample'] === true ? samplingFromHuggingFace(config, origin) : { ...DEFAULT_SAMPLING, temperature: 0 }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
}
