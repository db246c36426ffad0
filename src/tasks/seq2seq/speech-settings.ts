import { join } from 'node:path'
import { isHenceError } from '../../core/index.ts'
import { MAX_JSON_BYTES, readJsonObject } from '../../formats/index.ts'
import { ConfigFields } from '../../llm/index.ts'
import type { LogMelOptions } from '../../media/index.ts'

/** How a model hears: what its `preprocessor_config.json` and `generation_config.json` say. */
export interface SpeechSettings {
  readonly features: LogMelOptions
  /** Frames of a stretch of sound. */
  readonly frames: number
  /** Latest time, in steps of two frames, with which a stretch may begin; any when undefined. */
  readonly mostInitial: number | undefined
  /** Ids of `<|en|>` and so on, where the file lists them. */
  readonly languages: ReadonlyMap<string, number>
  /** The token that says there are no times, where the file names it. */
  readonly noTimes: number | undefined
  /** False for a model of one language. */
  readonly isMultilingual: boolean
}

/** @throws HenceError `CONFIG_INVALID` when the files contradict the model */
export async function readSpeechSettings(
  path: string,
  { mels, frames }: { readonly mels: number; readonly frames: number },
  generation: Readonly<Record<string, unknown>>,
  signal: AbortSignal | undefined,
): Promise<SpeechSettings> {
  const fields = ConfigFields.ofObject(`${path} preprocessor_config.json`, await readPreparation(path, signal))
  const features = {
    mels: fields.integer('feature_size', { min: 1, max: 1_024 }, mels),
    sampleRate: fields.integer('sampling_rate', { min: 100, max: 1_000_000 }, 16_000),
    window: fields.integer('n_fft', { min: 2, max: 65_536 }, 400),
    hop: fields.integer('hop_length', { min: 1, max: 65_536 }, 160),
  }
  if (features.mels !== mels) throw fields.invalid(`feature_size is ${features.mels}, the model hears ${mels} bands`, { mels })
  const wanted = fields.integer('nb_max_frames', { min: 1, max: 1_000_000 }, frames)
  if (wanted !== frames) throw fields.invalid(`nb_max_frames is ${wanted}, the model hears ${frames}`, { wanted, frames })
  const said = ConfigFields.ofObject(`${path} generation_config.json`, generation)
  const token = { min: 0, max: 4_194_304 }
  const languages = Object.entries(said.raw('lang_to_id') ?? {}).filter(([, id]) => Number.isInteger(id)) as [string, number][]
  return {
    features,
    frames,
    mostInitial: said.has('max_initial_timestamp_index') ? said.integer('max_initial_timestamp_index', token) : undefined,
    languages: new Map(languages.map(([text, id]) => [text.replace(/^<\|(.*)\|>$/, '$1'), id])),
    noTimes: said.has('no_timestamps_token_id') ? said.integer('no_timestamps_token_id', token) : undefined,
    isMultilingual: said.boolean('is_multilingual', true),
  }
}

async function readPreparation(path: string, signal: AbortSignal | undefined): Promise<Record<string, unknown>> {
  try {
    return await readJsonObject(join(path, 'preprocessor_config.json'), MAX_JSON_BYTES, signal)
  } catch (error) {
    if (isHenceError(error, 'FILE_NOT_FOUND')) return {}
    throw error
  }
}
