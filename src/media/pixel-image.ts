import { HenceError } from '../core/index.ts'

/** Pixels, top row first, channels beside each other: `height × width × channels`, 8 bits each. */
export interface PixelImage {
  readonly width: number
  readonly height: number
  /** 1: gray; 3: red, green, blue; 4: and opacity. */
  readonly channels: 1 | 3 | 4
  readonly data: Uint8Array | Uint8ClampedArray
}

/** Largest picture taken: 400 MB of red, green and blue. */
const MAX_PIXELS = 2 ** 27

/** Red, green and blue of a picture; opacity is dropped. @throws HenceError `OPTION_INVALID` when sizes contradict the data */
export function toRgb(image: PixelImage): PixelImage {
  checkImage(image)
  const { width, height, channels, data } = image
  if (channels === 3) return image
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2]
  const rgb = new Uint8Array(3 * width * height)
  for (let read = 0, write = 0; write < rgb.length; read += channels, write += 3) {
    rgb[write] = data[read]!
    rgb[write + 1] = data[read + green]!
    rgb[write + 2] = data[read + blue]!
  }
  return { width, height, channels: 3, data: rgb }
}

/** The part of a picture that begins at (`left`, `top`); what lies outside it is black. */
export function cropImage(image: PixelImage, left: number, top: number, width: number, height: number): PixelImage {
  const { channels, data } = image
  const cropped = new Uint8Array(width * height * channels)
  const first = Math.max(0, -left)
  const last = Math.min(width, image.width - left)
  for (let y = Math.max(0, -top); y < Math.min(height, image.height - top) && last > first; y++) {
    const from = ((y + top) * image.width + left + first) * channels
    cropped.set(data.subarray(from, from + (last - first) * channels), (y * width + first) * channels)
  }
  return { width, height, channels, data: cropped }
}

/** Turns and mirrors a picture the way an Exif orientation from 1 to 8 says it must be shown. */
export function turnImage(image: PixelImage, orientation: number): PixelImage {
  if (orientation < 2 || orientation > 8) return image
  const { width, height, channels, data } = image
  const isTransposed = orientation >= 5
  const [outWidth, outHeight] = isTransposed ? [height, width] : [width, height]
  // Where a pixel of the result comes from along each axis, before the axes are exchanged.
  const mirrorsX = [2, 3, 7, 8].includes(orientation)
  const mirrorsY = [3, 4, 6, 7].includes(orientation)
  const turned = new Uint8Array(data.length)
  for (let y = 0, write = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++, write += channels) {
      const [u, v] = isTransposed ? [y, x] : [x, y]
      const read = ((mirrorsY ? height - 1 - v : v) * width + (mirrorsX ? width - 1 - u : u)) * channels
      for (let c = 0; c < channels; c++) turned[write + c] = data[read + c]!
    }
  return { width: outWidth, height: outHeight, channels, data: turned }
}

function checkImage({ width, height, channels, data }: PixelImage): void {
  const isSized = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0 && width * height <= MAX_PIXELS
  if (isSized && (channels === 1 || channels === 3 || channels === 4) && data.length === width * height * channels) return
  throw new HenceError(
    'OPTION_INVALID',
    `a picture of ${width} × ${height} pixels and ${channels} channels cannot have ${data.length} bytes of data`,
    {
      width,
      height,
      channels,
      length: data.length,
    },
  )
}
