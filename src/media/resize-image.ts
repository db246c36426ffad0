import { setImmediate } from 'node:timers/promises'
import type { PixelImage } from './pixel-image.ts'

/** How pixels are weighed when a picture changes its size; numbered as preprocessor_config.json numbers them. */
export const RESAMPLE_FILTERS = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'] as const

/** How pixels are weighed when a picture changes its size. */
export type ResampleFilter = (typeof RESAMPLE_FILTERS)[number]

interface Kernel {
  /** Beyond this distance, in pixels of the source, the weight is zero. */
  readonly radius: number
  weight(distance: number): number
}

const KERNELS: Readonly<Record<Exclude<ResampleFilter, 'nearest'>, Kernel>> = {
  box: { radius: 0.5, weight: x => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { radius: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
  hamming: { radius: 1, weight: x => (Math.abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))) },
  bicubic: { radius: 2, weight: cubic },
  lanczos: { radius: 3, weight: x => (Math.abs(x) >= 3 ? 0 : sinc(x) * sinc(x / 3)) },
}

/** Fixed point of the weights: pixels of 8 bits and weights of 22 leave room for a sum in a 32-bit integer. */
const WEIGHT_BITS = 22
/** The event loop has its turn after as much work. */
const TURN_MS = 8

/**
 * Changes the size of a picture. Shrinking averages all the pixels that fall together, as the libraries do that models
 * were trained with; the passes over columns and rows each round to 8 bits. Source: the filters of Pillow's `resize`.
 */
export async function resizeImage(image: PixelImage, width: number, height: number, filter: ResampleFilter): Promise<PixelImage> {
  if (filter === 'nearest') return pickNearest(image, width, height)
  const kernel = KERNELS[filter]
  const wide = width === image.width ? image : await resizeAlong(image, width, kernel, 'x')
  return height === wide.height ? wide : resizeAlong(wide, height, kernel, 'y')
}

function pickNearest(image: PixelImage, width: number, height: number): PixelImage {
  const { channels, data } = image
  const picked = new Uint8Array(width * height * channels)
  for (let y = 0, write = 0; y < height; y++) {
    const row = Math.min(image.height - 1, Math.floor(((y + 0.5) * image.height) / height)) * image.width
    for (let x = 0; x < width; x++, write += channels) {
      const read = (row + Math.min(image.width - 1, Math.floor(((x + 0.5) * image.width) / width))) * channels
      for (let c = 0; c < channels; c++) picked[write + c] = data[read + c]!
    }
  }
  return { width, height, channels, data: picked }
}

async function resizeAlong(image: PixelImage, size: number, kernel: Kernel, axis: 'x' | 'y'): Promise<PixelImage> {
  const { channels, data } = image
  const isAcross = axis === 'x'
  const from = isAcross ? image.width : image.height
  const [width, height] = isAcross ? [size, image.height] : [image.width, size]
  const resized = new Uint8Array(width * height * channels)
  // Step between neighbours along the axis, and along the other one.
  const [step, across] = isAcross ? [channels, image.width * channels] : [image.width * channels, channels]
  const [outStep, outAcross] = isAcross ? [channels, width * channels] : [width * channels, channels]
  const lines = isAcross ? height : width
  const { starts, counts, weights, stride } = weightsOf(from, size, kernel)
  let turnEnds = performance.now() + TURN_MS
  for (let at = 0; at < size; at++) {
    if (performance.now() > turnEnds) {
      await setImmediate()
      turnEnds = performance.now() + TURN_MS
    }
    const [start, count] = [starts[at]!, counts[at]!]
    for (let line = 0; line < lines; line++)
      for (let c = 0; c < channels; c++) {
        let sum = 1 << (WEIGHT_BITS - 1)
        let read = line * across + start * step + c
        for (let i = 0; i < count; i++, read += step) sum += data[read]! * weights[at * stride + i]!
        resized[line * outAcross + at * outStep + c] = Math.max(0, Math.min(255, sum >> WEIGHT_BITS))
      }
  }
  return { width, height, channels, data: resized }
}

/** For every place of the result: where its source pixels begin, how many they are, and their weights, which sum to one. */
function weightsOf(from: number, to: number, { radius, weight }: Kernel) {
  const scale = from / to
  const widening = Math.max(1, scale)
  const reach = radius * widening
  const stride = Math.ceil(reach) * 2 + 1
  const [starts, counts, weights] = [new Int32Array(to), new Int32Array(to), new Int32Array(to * stride)]
  const real = new Float64Array(stride)
  for (let at = 0; at < to; at++) {
    const center = (at + 0.5) * scale
    const start = Math.max(0, Math.trunc(center - reach + 0.5))
    const count = Math.min(from, Math.trunc(center + reach + 0.5)) - start
    let total = 0
    for (let i = 0; i < count; i++) total += real[i] = weight((start + i - center + 0.5) / widening)
    for (let i = 0; i < count; i++) {
      const fixed = (real[i]! / total) * (1 << WEIGHT_BITS)
      weights[at * stride + i] = Math.trunc(fixed + (fixed < 0 ? -0.5 : 0.5))
    }
    starts[at] = start
    counts[at] = count
  }
  return { starts, counts, weights, stride }
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}

/** Keys' cubic with a = −½. */
function cubic(distance: number): number {
  const x = Math.abs(distance)
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
}
