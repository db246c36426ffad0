import { HenceError, type Tensor, type TensorModel, tensor } from '../../core/index.ts'
import { RESAMPLE_FILTERS } from '../../media/index.ts'
import { abortSignal, boolean, checkOptions, type OptionRule, oneOf } from '../check-options.ts'
import { type ImagePreparation, resolvePreparation } from '../image-preparation.ts'
import { prepareImage } from '../prepare-image.ts'
import { type ImageSource, readImage } from '../read-image.ts'
import { normalised } from './rows.ts'
import { encoderOf } from './text-encoder.ts'

/** Options of {@link embedImage}. */
export interface EmbedImageOptions {
  /** Scales every vector to length one; default true. */
  readonly normalize?: boolean | undefined
  /** How pixels are weighed where the picture is resized; as preprocessor_config.json says by default. */
  readonly filter?: ImagePreparation['filter'] | undefined
  readonly signal?: AbortSignal | undefined
}

const RULES: Readonly<Record<string, OptionRule>> = { normalize: boolean, filter: oneOf(...RESAMPLE_FILTERS), signal: abortSignal }

/** Pictures decoded at a time. */
const GROUP = 8

/**
 * Turns pictures into vectors: those of clip lie in one space with its texts, those of vit are the vector of the class.
 * Pictures are prepared as preprocessor_config.json beside the model says.
 *
 * @returns f32 `[pictures, width]`; one picture gives `[1, width]`
 * @throws HenceError `OPTION_INVALID` (a model that reads no pictures), about a picture's file, `ABORTED`, `DISPOSED`
 * @example
 * ```ts
 * import { embedImage, load } from 'hence'
 * const model = await load('clip-vit-base-patch32', { kind: 'tensor' })
 * const { data } = await embedImage(model, ['cat.jpg', 'dog.jpg'])
 * ```
 */
export async function embedImage(
  model: TensorModel,
  images: ImageSource | readonly ImageSource[],
  options: EmbedImageOptions = {},
): Promise<Tensor<'f32'>> {
  checkOptions('embedImage', options, RULES)
  const { normalize = true, filter, signal: given } = options
  const encoder = encoderOf('embedImage', model)
  const tower = encoder.engine.encoder.image
  if (!tower) throw new HenceError('OPTION_INVALID', 'embedImage: the model reads texts, not pictures', { task: 'embedImage' })
  const { channels, imageSize } = tower.embeddings
  const form = { layout: 'nchw', channels, width: imageSize, height: imageSize } as const
  const config = await encoder.engine.files.json('preprocessor_config.json')
  const { preparation } = resolvePreparation(form, filter ? { filter } : {}, config, { metadata: {}, producer: '' })
  const list = Array.isArray(images) ? (images as readonly ImageSource[]) : [images as ImageSource]
  const isProjected = tower.config.head?.kind === 'projection'
  const width = isProjected ? tower.headSize : tower.config.hidden
  const result = tensor('f32', [list.length, width])
  const size = channels * imageSize ** 2
  await encoder.whileAlive({ signal: given }, async signal => {
    for (let at = 0; at < list.length; at += GROUP) {
      const group = list.slice(at, at + GROUP)
      const pixels = new Float32Array(group.length * size)
      for (const [i, image] of group.entries()) {
        const { data, shape } = (await prepareImage(await readImage(image), preparation, 'f32')) as Tensor<'f32'>
        if (data.length !== size)
          throw new HenceError(
            'CONFIG_INVALID',
            `preprocessor_config.json makes pictures of [${shape.join(', ')}], the model takes [1, ${channels}, ${imageSize}, ${imageSize}]`,
            {
              prepared: shape,
              size: imageSize,
            },
          )
        pixels.set(data, i * size)
      }
      const { hidden, head } = await tower.run(pixels, { signal })
      for (const i of group.keys()) {
        const from = i * tower.tokens * width
        result.data.set(isProjected ? head.subarray(i * width, (i + 1) * width) : hidden.subarray(from, from + width), (at + i) * width)
      }
    }
  })
  if (normalize) normalised(result.data, width)
  return result
}
