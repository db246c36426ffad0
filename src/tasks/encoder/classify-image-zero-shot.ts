import { HenceError, type TensorModel } from '../../core/index.ts'
import { abortSignal, checkOptions, type OptionRule } from '../check-options.ts'
import type { ImageSource } from '../read-image.ts'
import { embedImage } from './embed-image.ts'
import { embedText } from './embed-text.ts'
import { rowsOf, softmax } from './rows.ts'
import { encoderOf } from './text-encoder.ts'

/** Options of {@link classifyImageZeroShot}. */
export interface ZeroShotOptions {
  /** The text of a label, where `{}` stands for it; `This is a photo of {}.` by default. */
  readonly template?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** A label with its share of one. */
export interface ZeroShotClass {
  readonly label: string
  readonly score: number
}

const RULES: Readonly<Record<string, OptionRule>> = {
  template: value => (typeof value === 'string' && value.includes('{}') ? undefined : 'a text with {} in it'),
  signal: abortSignal,
}

/**
 * Tells which of some labels fits a picture best, with a model that was trained for none of them: the likeliest first.
 *
 * @throws HenceError `OPTION_INVALID` (no labels, a model without both towers), about the picture's file, `ABORTED`, `DISPOSED`
 * @example
 * ```ts
 * import { classifyImageZeroShot, load } from 'hence'
 * const model = await load('clip-vit-base-patch32', { kind: 'tensor' })
 * const [best] = await classifyImageZeroShot(model, 'photo.jpg', ['a cat', 'a dog', 'a lawyer'])
 * ```
 */
export async function classifyImageZeroShot(
  model: TensorModel,
  image: ImageSource,
  labels: readonly string[],
  options: ZeroShotOptions = {},
): Promise<ZeroShotClass[]> {
  checkOptions('classifyImageZeroShot', options, RULES)
  const { template = 'This is a photo of {}.', signal } = options
  const { source } = encoderOf('classifyImageZeroShot', model).engine.encoder
  if (!source.text || !source.image)
    throw new HenceError('OPTION_INVALID', 'classifyImageZeroShot: the model does not read both texts and pictures', {
      architecture: source.architecture,
    })
  if (!Array.isArray(labels) || labels.length === 0 || !labels.every(label => typeof label === 'string'))
    throw new HenceError('OPTION_INVALID', 'classifyImageZeroShot: labels must be an array of at least one text')
  const texts = labels.map(label => template.replaceAll('{}', label))
  const [pictures, { data, shape }] = [await embedImage(model, image, { signal }), await embedText(model, texts, { signal })]
  const cosines = rowsOf(data, shape[1]!).map(row => row.reduce((sum, value, d) => sum + value * pictures.data[d]!, 0))
  const scores = softmax(cosines.map(cosine => cosine * source.logitScale))
  return labels.map((label, i) => ({ label, score: scores[i]! })).sort((a, b) => b.score - a.score)
}
