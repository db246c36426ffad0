import { HenceError, type ValueDescription } from '../core/index.ts'
import { RESAMPLE_FILTERS, type ResampleFilter } from '../media/index.ts'

/** Pixels along both sides of a picture. */
export interface ImageSize {
  readonly width: number
  readonly height: number
}

/** How a picture becomes the numbers a model takes: resized, cut, every value `(byte · scale − mean) / std`. */
export interface ImagePreparation {
  /** Both sides, or the shorter one while the proportions stay; `none` keeps the size. */
  readonly resize: ImageSize | { readonly shortestEdge: number } | 'none'
  /** The middle that is cut out after resizing; `none` keeps all. */
  readonly crop: ImageSize | 'none'
  readonly filter: ResampleFilter
  readonly channels: 'rgb' | 'bgr' | 'gray'
  readonly scale: number
  /** One number for each channel, in the order of {@link channels}, or one for all. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** `nchw`: a plane for each channel; `nhwc`: the channels of a pixel beside each other. */
  readonly layout: 'nchw' | 'nhwc'
}

/** What of a preparation is known, and from where the rest comes. */
export interface ResolvedPreparation {
  readonly preparation: ImagePreparation
  /** Names of settings nothing states; they have the values most models were trained with. */
  readonly assumed: readonly (keyof ImagePreparation)[]
}

/** What a model says of the picture it takes, in its input. */
export interface ImageInput {
  readonly layout: 'nchw' | 'nhwc'
  readonly channels: number
  /** 0 where the file does not say. */
  readonly width: number
  readonly height: number
}

/** Means and deviations of ImageNet's pixels, scaled to 1: what most published networks were trained with. */
const IMAGENET = { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const
/** Caffe's networks take bytes in the order blue, green, red, less the mean pixel of ImageNet. */
const CAFFE = { channels: 'bgr', scale: 1, mean: [104, 117, 123], std: [1] } as const
const USUAL_SIZE = 224

/** The form of a picture in an input of four axes; undefined for any other input. */
export function imageInputOf({ shape }: ValueDescription): ImageInput | undefined {
  if (shape?.length !== 4) return undefined
  const size = (axis: number): number => (typeof shape[axis] === 'number' ? (shape[axis] as number) : 0)
  const isImage = (channels: number): boolean => channels === 1 || channels === 3
  if (isImage(size(1))) return { layout: 'nchw', channels: size(1), height: size(2), width: size(3) }
  if (isImage(size(3))) return { layout: 'nhwc', channels: size(3), height: size(1), width: size(2) }
  return undefined
}

/**
 * Puts a preparation together: what the caller says, else preprocessor_config.json, else what the graph's own metadata
 * and producer say, else what is usual.
 */
export function resolvePreparation(
  input: ImageInput,
  options: Partial<ImagePreparation>,
  config: Readonly<Record<string, unknown>> | undefined,
  { metadata, producer }: { readonly metadata: Readonly<Record<string, string>>; readonly producer: string },
): ResolvedPreparation {
  const told: Partial<ImagePreparation> = {
    layout: input.layout,
    ...(config ? fromConfig(config) : fromGraph(metadata, producer)),
    ...(input.channels === 1 ? { channels: 'gray' } : {}),
    ...withoutUndefined(options),
  }
  const size = { width: input.width || USUAL_SIZE, height: input.height || USUAL_SIZE }
  // Resizing to exactly what the graph takes loses least when nothing is known of how pictures were cut in training.
  const isSized = told.resize !== undefined || told.crop !== undefined
  const usual: ImagePreparation = {
    layout: input.layout,
    channels: input.channels === 1 ? 'gray' : 'rgb',
    resize: told.crop !== undefined ? 'none' : { shortestEdge: Math.max(size.width, size.height) },
    crop: told.resize !== undefined && !('shortestEdge' in Object(told.resize)) ? 'none' : size,
    filter: 'bilinear',
    ...(input.channels === 1 ? { scale: 1 / 255, mean: [0], std: [1] } : IMAGENET),
  }
  const names = Object.keys(usual) as (keyof ImagePreparation)[]
  const assumed = names.filter(
    name => told[name] === undefined && name !== 'filter' && name !== 'layout' && !(isSized && (name === 'resize' || name === 'crop')),
  )
  // One side of a picture that the file states is not a guess.
  const isStated = input.width > 0 && input.height > 0
  return {
    preparation: { ...usual, ...told },
    assumed: assumed.filter(
      name => !(isStated && (name === 'resize' || name === 'crop')) && !(name === 'channels' && input.channels === 1),
    ),
  }
}

function withoutUndefined(options: Partial<ImagePreparation>): Partial<ImagePreparation> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

/** What a graph can say of its own pictures: Windows' metadata, and the converter it comes from. */
function fromGraph(metadata: Readonly<Record<string, string>>, producer: string): Partial<ImagePreparation> {
  const format = metadata['Image.BitmapPixelFormat']?.toLowerCase()
  const range = metadata['Image.NominalPixelRange']?.toLowerCase()
  const channels = format === undefined ? undefined : format.startsWith('gray') ? 'gray' : format.startsWith('bgr') ? 'bgr' : 'rgb'
  const ranges: Readonly<Record<string, Partial<ImagePreparation>>> = {
    nominalrange_0_255: { scale: 1, mean: [0], std: [1] },
    normalized_0_1: { scale: 1 / 255, mean: [0], std: [1] },
    normalized_1_1: { scale: 1 / 127.5, mean: [1], std: [1] },
  }
  if (channels || range) return { ...(channels ? { channels } : {}), ...(range ? ranges[range] : {}) }
  return /caffe/i.test(producer) ? CAFFE : {}
}

/** Reads a preprocessor_config.json. Source: the image processors of Hugging Face's transformers. */
function fromConfig(config: Readonly<Record<string, unknown>>): Partial<ImagePreparation> {
  const isOn = (name: string, fallback: boolean): boolean => (typeof config[name] === 'boolean' ? (config[name] as boolean) : fallback)
  const crops = isOn('do_center_crop', 'crop_size' in config)
  const resizes = isOn('do_resize', 'size' in config)
  const resize = resizes && 'size' in config ? readSize('size', config['size'], crops) : 'none'
  const crop = crops ? readSize('crop_size', config['crop_size'] ?? config['size'], false) : 'none'
  if (crop !== 'none' && 'shortestEdge' in crop) throw invalid('crop_size', config['crop_size'])
  const rescales = isOn('do_rescale', true)
  const normalizes = isOn('do_normalize', 'image_mean' in config)
  const share = config['crop_pct']
  // ConvNeXT cuts this share out of a larger picture instead of stating a crop.
  if (typeof share === 'number' && share > 0 && share < 1 && resize !== 'none' && 'shortestEdge' in resize && resize.shortestEdge < 384) {
    const edge = resize.shortestEdge
    return {
      ...values(config, rescales, normalizes),
      resize: { shortestEdge: Math.trunc(edge / share) },
      crop: { width: edge, height: edge },
    }
  }
  return { ...values(config, rescales, normalizes), resize, crop }
}

function values(config: Readonly<Record<string, unknown>>, rescales: boolean, normalizes: boolean): Partial<ImagePreparation> {
  const filter = config['resample'] === undefined ? 'bilinear' : RESAMPLE_FILTERS[config['resample'] as number]
  if (!filter) throw invalid('resample', config['resample'])
  const factor = config['rescale_factor'] ?? 1 / 255
  if (typeof factor !== 'number' || !Number.isFinite(factor)) throw invalid('rescale_factor', factor)
  return {
    filter,
    channels: config['do_flip_channel_order'] === true ? 'bgr' : 'rgb',
    scale: rescales ? factor : 1,
    mean: normalizes ? readNumbers('image_mean', config['image_mean']) : [0],
    std: normalizes ? readNumbers('image_std', config['image_std']) : [1],
  }
}

function readSize(name: string, value: unknown, isEdge: boolean): ImageSize | { shortestEdge: number } {
  const isPixels = (size: unknown): size is number => Number.isInteger(size) && (size as number) > 0 && (size as number) <= 65_536
  if (isPixels(value)) return isEdge ? { shortestEdge: value } : { width: value, height: value }
  const { width, height, shortest_edge: edge } = (value ?? {}) as Record<string, unknown>
  if (isPixels(edge)) return { shortestEdge: edge }
  if (isPixels(width) && isPixels(height)) return { width, height }
  throw invalid(name, value)
}

function readNumbers(name: string, value: unknown): number[] {
  const list = Array.isArray(value) ? value : [value]
  if (list.length < 1 || list.length > 4 || !list.every(entry => typeof entry === 'number' && Number.isFinite(entry)))
    throw invalid(name, value)
  return list as number[]
}

function invalid(name: string, value: unknown): HenceError {
  const shown = JSON.stringify(value)?.slice(0, 80)
  return new HenceError('CONFIG_INVALID', `preprocessor_config.json: ${name} is ${shown}`, { field: name, value: shown })
}
