import { RESAMPLE_FILTERS, type ResampleFilter } from '../media/index.ts'
import type { ClassifyImageOptions, ImageSize } from '../tasks/index.ts'
import { choiceFlag, type Flag, type FlagValues, integerFlag, listFlag, numberFlag, switchFlag, textFlag, usageError } from './flags.ts'

/** What can be done with a tensor model and a file. */
export const TASKS = [
  'classify-image',
  'classify-image-zero-shot',
  'embed-image',
  'identify-file-type',
  'detect-voice',
  'predict-table',
] as const

/** What can be done with an encoder and texts. */
export const TEXT_TASKS = ['embed-text', 'fill-mask', 'classify-text', 'classify-tokens'] as const

/** Every task of `run`. */
export const TASK_NAMES: readonly (TaskName | TextTaskName)[] = [...TASKS, ...TEXT_TASKS]

export type TaskName = (typeof TASKS)[number]
export type TextTaskName = (typeof TEXT_TASKS)[number]

const numbersFlag = (placeholder: string, help: string): Flag<readonly number[] | undefined> => ({
  help,
  placeholder,
  read(name, given) {
    const text = given.at(-1)
    if (text === undefined) return undefined
    const numbers = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)))
    if (numbers.every(Number.isFinite)) return numbers
    throw usageError(`--${name} must be numbers between commas, is "${text}"`, { flag: name, value: text })
  },
})

const sizeFlag = (placeholder: string, help: string): Flag<ImageSize | { readonly shortestEdge: number } | 'none' | undefined> => ({
  help,
  placeholder,
  read(name, given) {
    const text = given.at(-1)
    if (text === undefined || text === 'none') return text
    const match = /^(\d{1,5})(?:x(\d{1,5}))?$/.exec(text)
    if (!match) throw usageError(`--${name} must be ${placeholder}, is "${text}"`, { flag: name, value: text })
    const [, width, height] = match
    return height === undefined ? { shortestEdge: Number(width) } : { width: Number(width), height: Number(height) }
  },
})

type TensorFlags = {
  readonly input: Flag<readonly string[]>
  readonly output: Flag<string | undefined>
  readonly task: Flag<TaskName | TextTaskName | undefined>
  readonly label: Flag<readonly string[]>
  readonly labels: Flag<string | undefined>
  readonly top: Flag<number | undefined>
  readonly resize: Flag<ImageSize | { readonly shortestEdge: number } | 'none' | undefined>
  readonly crop: Flag<ImageSize | { readonly shortestEdge: number } | 'none' | undefined>
  readonly filter: Flag<ResampleFilter | undefined>
  readonly channels: Flag<'rgb' | 'bgr' | 'gray' | undefined>
  readonly scale: Flag<number | undefined>
  readonly mean: Flag<readonly number[] | undefined>
  readonly std: Flag<readonly number[] | undefined>
  readonly threshold: Flag<number | undefined>
  readonly confidence: Flag<'high' | 'medium' | 'best-guess' | undefined>
}

/** Flags of `run` for models that compute tensors. */
export const TENSOR_FLAGS: TensorFlags = {
  input: listFlag('NAME=VALUE', 'an input: a .npy, .npz, .safetensors or .pb file, or JSON'),
  output: textFlag('FILE', 'writes the outputs as .safetensors, .npz or .npy'),
  task: { ...choiceFlag(TASK_NAMES, 'what to do with the model; see below', 'told from the model'), placeholder: 'TASK' },
  label: listFlag('TEXT', 'a class the picture may belong to, where the model has none of its own'),
  labels: textFlag('FILE', 'names of the classes, a line each, or JSON', "the model's own"),
  top: integerFlag('N', 'likeliest classes to print', { min: 1, max: 2 ** 24 }, '5'),
  resize: sizeFlag('WxH|EDGE|none', 'size of the picture before it is cut; EDGE is the shorter side'),
  crop: sizeFlag('WxH|none', 'middle of the picture that is cut out'),
  filter: { ...choiceFlag(RESAMPLE_FILTERS, `resizing: ${RESAMPLE_FILTERS.join(', ')}`, 'bilinear'), placeholder: 'NAME' },
  channels: choiceFlag(['rgb', 'bgr', 'gray'], 'colours the model takes'),
  scale: numberFlag('X', 'factor of every byte of the picture', { min: -1e9, max: 1e9 }),
  mean: numbersFlag('A,B,C', 'subtracted from the scaled bytes'),
  std: numbersFlag('A,B,C', 'divides what is left'),
  threshold: numberFlag('P', 'probability from which sound is speech', { min: 0, max: 1 }, '0.5'),
  confidence: choiceFlag(['high', 'medium', 'best-guess'], 'how sure the file type must be', 'high'),
}

type EncoderFlags = {
  readonly embed: Flag<boolean>
  readonly aggregation: Flag<'none' | 'simple' | 'first' | 'average' | 'max' | undefined>
}

/** Flags of `run` for encoders. */
export const ENCODER_FLAGS: EncoderFlags = {
  embed: switchFlag('turns texts into vectors, whatever else the model could do'),
  aggregation: choiceFlag(['none', 'simple', 'first', 'average', 'max'], 'how classes of tokens are joined', 'simple'),
}

/** How a picture is prepared, as far as the flags say. */
export function pictureOptions(flags: FlagValues<TensorFlags>): ClassifyImageOptions {
  const { resize, crop, filter, channels, scale, mean, std, top } = flags
  if (typeof crop === 'object' && 'shortestEdge' in crop)
    throw usageError(`--crop must be WxH or none, is "${crop.shortestEdge}"`, { flag: 'crop' })
  const given = { resize, crop, filter, channels, scale, mean, std, top }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** Names of the flags that are given. */
export function givenFlags(table: Readonly<Record<string, unknown>>, flags: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(table).filter(name => {
    const value = flags[name]
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false
  })
}
