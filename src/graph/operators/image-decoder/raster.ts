import { HenceError } from '../../../core/index.ts'

/** Decoded pixels, top row first: `height × width × 3`, red, green, blue. */
export interface Raster {
  readonly width: number
  readonly height: number
  readonly rgb: Uint8Array
}

/** Larger pictures count as broken: 400 MB decoded. */
const MAX_PIXELS = 2 ** 27

/** A black picture. @throws HenceError `FILE_MALFORMED` for sizes no picture has */
export function emptyRaster(width: number, height: number): Raster {
  checkImage(width > 0 && height > 0 && width * height <= MAX_PIXELS, `size ${width}×${height}`)
  return { width, height, rgb: new Uint8Array(3 * width * height) }
}

/** Throws `FILE_MALFORMED` unless `condition` holds. */
export function checkImage(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new HenceError('FILE_MALFORMED', `the picture is damaged: ${reason}`, { reason })
}

/** Copies of `width × height` samples with 1 (gray), 2 (gray, alpha), 3 or 4 (alpha) channels, 8 bits each; alpha is dropped. */
export function fillRaster({ rgb }: Raster, samples: Uint8Array, channels: number, start = 0): void {
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2]
  for (let write = 0, read = start; write < rgb.length; write += 3, read += channels) {
    rgb[write] = samples[read]!
    rgb[write + 1] = samples[read + green]!
    rgb[write + 2] = samples[read + blue]!
  }
}

/** Spreads samples of 1, 2, 4, 8 or 16 bits to a byte each; of 16 bits the high byte is kept. Rows start at whole bytes. */
export function unpackSamples(
  packed: Uint8Array,
  bits: number,
  perRow: number,
  rows: number,
  scale: boolean,
  littleEndian = false,
): Uint8Array {
  const stride = Math.ceil((perRow * bits) / 8)
  checkImage(packed.length >= stride * rows, `${packed.length} bytes for ${rows} rows of ${stride}`)
  if (bits === 8) return packed.subarray(0, perRow * rows)
  const samples = new Uint8Array(perRow * rows)
  const top = 2 ** bits - 1
  for (let row = 0, write = 0; row < rows; row++)
    for (let column = 0; column < perRow; column++) {
      const at = row * stride
      if (bits === 16) samples[write++] = packed[at + 2 * column + (littleEndian ? 1 : 0)]!
      else {
        const first = column * bits
        const value = (packed[at + (first >> 3)]! >> (8 - bits - (first & 7))) & top
        samples[write++] = scale ? (value * 255) / top : value
      }
    }
  return samples
}

/** Looks colours up in a palette of red, green, blue. */
export function applyPalette({ rgb }: Raster, indices: Uint8Array, palette: Uint8Array): void {
  for (let pixel = 0, write = 0; write < rgb.length; pixel++) {
    const at = 3 * indices[pixel]!
    checkImage(at + 2 < palette.length, `colour ${indices[pixel]} of ${palette.length / 3}`)
    rgb[write++] = palette[at]!
    rgb[write++] = palette[at + 1]!
    rgb[write++] = palette[at + 2]!
  }
}
