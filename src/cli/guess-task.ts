import { dirname, extname, join } from 'node:path'
import { HenceError, isHenceError, type TensorModelDescription } from '../core/index.ts'
import { MAX_JSON_BYTES, readJsonObject } from '../formats/index.ts'
import { imageInputOf } from '../tasks/index.ts'
import { TASKS, type TaskName } from './tensor-flags.ts'

const PICTURES = /^\.(jpe?g|png|bmp|tiff?|p[bgpn]m|webp|gif|avif|heic|svg)$/i

/**
 * Tells what a model is to do with a file from what the model takes, and from the file's extension where that leaves a
 * choice.
 *
 * @throws HenceError `USAGE` when it cannot be told
 */
export async function guessTask(description: TensorModelDescription, file: string, labels: readonly string[] = []): Promise<TaskName> {
  const { inputs, operators, metadata } = description
  const names = inputs.map(({ name }) => name)
  if (labels.length > 0) return 'classify-image-zero-shot'
  if (metadata['head'] === 'projection') return 'embed-image'
  if (['input', 'state', 'sr'].every(name => names.includes(name))) return 'detect-voice'
  const [first] = inputs
  if (inputs.length === 1 && first?.dtype === 'i32' && (await isMagika(description.source))) return 'identify-file-type'
  const extension = extname(file)
  const isTable = inputs.every(({ kind, shape }) => kind === 'tensor' && (shape === undefined || shape.length <= 2))
  const isClassic = Object.keys(operators).some(name => name.startsWith('ai.onnx.ml.'))
  if (isTable && (isClassic || /^\.(csv|tsv)$/i.test(extension))) return 'predict-table'
  if (inputs.length === 1 && first && (imageInputOf(first) || (PICTURES.test(extension) && first.shape?.length === 4)))
    return 'classify-image'
  const shown = inputs.map(({ name, dtype, shape }) => `${name} ${dtype ?? '?'} [${shape?.map(size => size ?? '?').join(', ') ?? '?'}]`)
  throw new HenceError('USAGE', `what the model is to do with ${file} cannot be told: it takes ${shown.join(', ')}`, {
    file,
    inputs,
    hint: `Say it with --task ${TASKS.join('|')}, or give the inputs themselves: --input ${names[0] ?? 'NAME'}=FILE.npy`,
  })
}

async function isMagika(source: string): Promise<boolean> {
  try {
    return 'target_labels_space' in (await readJsonObject(join(dirname(source), 'config.min.json'), MAX_JSON_BYTES))
  } catch (error) {
    if (isHenceError(error)) return false
    throw error
  }
}
