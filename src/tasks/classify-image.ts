import { f16ToF32, HenceError, type ModelValue, type TensorModel, throwIfAborted } from '../core/index.ts'
import { RESAMPLE_FILTERS } from '../media/index.ts'
import { abortSignal, boolean, checkOptions, integer, number, type OptionRule, oneOf } from './check-options.ts'
import { type ImagePreparation, imageInputOf, resolvePreparation } from './image-preparation.ts'
import { readBeside } from './model-folder.ts'
import { prepareImage } from './prepare-image.ts'
import { type ImageSource, readImage } from './read-image.ts'
import { requireTensorModel } from './require-tensor-model.ts'

/** Options of {@link classifyImage}. How the picture is prepared comes from the model's own files where it is not given. */
export interface ClassifyImageOptions extends Partial<ImagePreparation> {
  /** Names of the classes, in order; from config.json beside the model by default. */
  readonly labels?: readonly string[] | undefined
  /** How many of the likeliest classes are returned; 5 by default. */
  readonly top?: number | undefined
  /** Turns scores into probabilities; by default when they are not probabilities already. */
  readonly softmax?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** One class a picture may belong to. */
export interface ImageClass {
  /** The name, or the index as text where there are no names. */
  readonly label: string
  readonly index: number
  /** From 0 to 1, unless `softmax` was turned off. */
  readonly score: number
}

/** What {@link classifyImage} finds. */
export interface ImageClassification {
  /** The likeliest first. */
  readonly classes: readonly ImageClass[]
  readonly preparation: ImagePreparation
  /** Settings of the preparation that neither the caller nor the model's files state. */
  readonly assumed: readonly (keyof ImagePreparation)[]
}

const size: OptionRule = value => {
  if (value === 'none') return undefined
  const { width, height, shortestEdge } = Object(value) as Record<string, unknown>
  const isPixels = (side: unknown): boolean => Number.isInteger(side) && (side as number) > 0 && (side as number) <= 65_536
  return isPixels(shortestEdge) || (isPixels(width) && isPixels(height)) ? undefined : '"none", { width, height } or { shortestEdge }'
}
const numbers: OptionRule = value =>
  Array.isArray(value) && value.length > 0 && value.every(entry => Number.isFinite(entry)) ? undefined : 'an array of numbers'
const names: OptionRule = value =>
  Array.isArray(value) && value.every(entry => typeof entry === 'string') ? undefined : 'an array of texts'

const RULES: Readonly<Record<string, OptionRule>> = {
  labels: names,
  top: integer(1, 2 ** 24),
  softmax: boolean,
  signal: abortSignal,
  resize: size,
  crop: size,
  filter: oneOf(...RESAMPLE_FILTERS),
  channels: oneOf('rgb', 'bgr', 'gray'),
  scale: number(-1e9, 1e9),
  mean: numbers,
  std: numbers,
  layout: oneOf('nchw', 'nhwc'),
}

/**
 * Tells what a picture shows. The picture is prepared as preprocessor_config.json beside the model says, else as the
 * options do, else as the graph's metadata does, else in the way most models want it, which `assumed` then names.
 *
 * @param image - a path or URL, the bytes of a picture file, or pixels
 * @throws HenceError `OPTION_INVALID` (the model takes no picture), about the file, `ABORTED`, `DISPOSED`
 * @example
 * ```ts
 * import { classifyImage, load } from 'hence'
 * const model = await load('squeezenet.onnx')
 * const { classes } = await classifyImage(model, 'dog.jpg', { channels: 'bgr', scale: 1, mean: [104, 117, 123], std: [1] })
 * for (const { label, score } of classes) console.log(label, score)
 * ```
 */
export async function classifyImage(
  model: TensorModel,
  image: ImageSource,
  options: ClassifyImageOptions = {},
): Promise<ImageClassification> {
  checkOptions('classifyImage', options, RULES)
  const { labels, top = 5, softmax, signal, ...given } = options
  throwIfAborted(signal)
  requireTensorModel('classifyImage', model)
  const description = model.describe()
  const inputs = description.inputs.map(input => ({ input, form: imageInputOf(input) }))
  const [picture] = inputs.filter(({ form }) => form)
  if (!picture?.form || inputs.length > 1)
    throw new HenceError('OPTION_INVALID', 'classifyImage: the model does not take one picture', {
      inputs: description.inputs,
      hint: 'A picture is an input of four axes with 1 or 3 channels; use model.run() for other models.',
    })
  const config = await readBeside(model, 'preprocessor_config.json')
  const { preparation, assumed } = resolvePreparation(picture.form, given as Partial<ImagePreparation>, config, description)
  const input = await prepareImage(await readImage(image), preparation, picture.input.dtype ?? 'f32')
  const outputs = await model.run({ [picture.input.name]: input }, { signal })
  const scores = scoresOf(description.outputs.map(({ name }) => [name, outputs[name]!]))
  const shares = (softmax ?? !areProbabilities(scores)) ? toProbabilities(scores) : scores
  const known = labels ?? (await labelsBeside(model))
  if (known && known.length !== shares.length && labels)
    throw new HenceError('OPTION_INVALID', `classifyImage: ${known.length} labels for ${shares.length} classes`, {
      labels: known.length,
      classes: shares.length,
    })
  const order = Array.from(shares.keys()).sort((a, b) => shares[b]! - shares[a]! || a - b)
  const classes = order.slice(0, top).map(index => ({ label: known?.[index] ?? String(index), index, score: shares[index]! }))
  return { classes, preparation, assumed }
}

/** Scores of one picture: the output that has one number for each class. */
function scoresOf(outputs: readonly (readonly [string, ModelValue])[]): Float32Array {
  const ranked = [...outputs].sort(([a], [b]) => Number(/logit|prob|score/i.test(b)) - Number(/logit|prob|score/i.test(a)))
  for (const [, value] of ranked) {
    if (!('data' in value) || value.shape.filter(side => side !== 1).length > 1) continue
    if (value.dtype === 'f32') return value.data as Float32Array
    if (value.dtype === 'f16') return Float32Array.from(value.data as Uint16Array, f16ToF32)
    if (value.dtype === 'f64') return Float32Array.from(value.data as Float64Array)
  }
  throw new HenceError('OPTION_INVALID', 'classifyImage: no output of the model is a list of scores', {
    outputs: outputs.map(([name]) => name),
  })
}

/** True when the numbers are shares of one, as far as half precision can tell. */
function areProbabilities(scores: Float32Array): boolean {
  const sum = scores.reduce((total, value) => total + value, 0)
  return Math.abs(sum - 1) < 0.02 && scores.every(value => value >= 0 && value <= 1.001)
}

function toProbabilities(scores: Float32Array): Float32Array {
  const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const powers = Float64Array.from(scores, value => Math.exp(value - largest))
  const sum = powers.reduce((a, b) => a + b, 0)
  return Float32Array.from(powers, value => value / sum)
}

/** The names in `id2label` of config.json. */
async function labelsBeside(model: TensorModel): Promise<readonly string[] | undefined> {
  const table = (await readBeside(model, 'config.json'))?.['id2label']
  if (typeof table !== 'object' || table === null) return undefined
  const labels: string[] = []
  for (const [id, label] of Object.entries(table)) if (/^\d{1,7}$/.test(id)) labels[Number(id)] = String(label)
  return labels
}
