import { type ElementType, f32ToF16, HenceError, type Tensor } from '../core/index.ts'
import { cropImage, type PixelImage, resizeImage } from '../media/index.ts'
import type { ImagePreparation } from './image-preparation.ts'

/** A picture as a tensor of one `[1, C, H, W]` or `[1, H, W, C]`. */
export async function prepareImage(image: PixelImage, preparation: ImagePreparation, dtype: ElementType): Promise<Tensor<ElementType>> {
  const { width, height, data } = await resizeAndCrop(image, preparation)
  const { channels, layout, scale } = preparation
  const count = channels === 'gray' ? 1 : 3
  const mean = spread('mean', preparation.mean, count)
  const std = spread('std', preparation.std, count)
  const pixels = width * height
  const values = new Float32Array(count * pixels)
  for (let c = 0; c < count; c++) {
    const from = channels === 'bgr' ? 2 - c : c
    const [start, step] = layout === 'nchw' ? [c * pixels, 1] : [c, count]
    for (let i = 0, read = from, write = start; i < pixels; i++, read += 3, write += step) {
      const value = channels === 'gray' ? luma(data, 3 * i) : data[read]!
      values[write] = (value * scale - mean[c]!) / std[c]!
    }
  }
  const shape = layout === 'nchw' ? [1, count, height, width] : [1, height, width, count]
  return stored(values, shape, dtype)
}

async function resizeAndCrop(image: PixelImage, { resize, crop, filter }: ImagePreparation): Promise<PixelImage> {
  let fitted = image
  if (resize !== 'none') {
    const { width, height } = 'shortestEdge' in resize ? byShortestEdge(image, resize.shortestEdge) : resize
    fitted = await resizeImage(image, width, height, filter)
  }
  if (crop === 'none') return fitted
  return cropImage(
    fitted,
    Math.floor((fitted.width - crop.width) / 2),
    Math.floor((fitted.height - crop.height) / 2),
    crop.width,
    crop.height,
  )
}

/** The longer side loses its fraction, as in the libraries models are trained with. */
function byShortestEdge({ width, height }: PixelImage, edge: number): { width: number; height: number } {
  return width <= height
    ? { width: edge, height: Math.trunc((edge * height) / width) }
    : { width: Math.trunc((edge * width) / height), height: edge }
}

/** Luma of ITU-R BT.601 in 16-bit fixed point. */
function luma(rgb: Uint8Array | Uint8ClampedArray, at: number): number {
  return (rgb[at]! * 19_595 + rgb[at + 1]! * 38_470 + rgb[at + 2]! * 7_471 + 32_768) >> 16
}

function spread(name: string, given: readonly number[], count: number): readonly number[] {
  if (given.length === 1) return new Array<number>(count).fill(given[0]!)
  if (given.length === count) return given
  throw new HenceError('OPTION_INVALID', `${name} has ${given.length} numbers, the picture ${count} channels`, {
    option: name,
    got: given.length,
    expected: count,
  })
}

function stored(values: Float32Array, shape: readonly number[], dtype: ElementType): Tensor<ElementType> {
  if (dtype === 'f16') return { dtype, shape, data: Uint16Array.from(values, f32ToF16) }
  if (dtype === 'f64') return { dtype, shape, data: Float64Array.from(values) }
  if (dtype === 'u8') return { dtype, shape, data: Uint8Array.from(values, value => Math.max(0, Math.min(255, Math.round(value)))) }
  if (dtype === 'f32') return { dtype, shape, data: values }
  throw new HenceError('OPTION_INVALID', `a picture cannot be given as ${dtype}`, { dtype })
}
