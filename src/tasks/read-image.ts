import { fileURLToPath } from 'node:url'
import { HenceError } from '../core/index.ts'
import { readSmallFile } from '../formats/index.ts'
import { decodePicture } from '../graph/index.ts'
import { exifOrientation, type PixelImage, toRgb, turnImage } from '../media/index.ts'

/** A picture: a path or file URL, the bytes of a picture file, or pixels. */
export type ImageSource = string | URL | Uint8Array | PixelImage

const MAX_FILE_BYTES = 2 ** 29

/** The part of sharp that is used. */
interface Sharp {
  (bytes: Uint8Array): Sharp
  rotate(): Sharp
  toColourspace(space: 'srgb'): Sharp
  removeAlpha(): Sharp
  raw(): Sharp
  toBuffer(options: { resolveWithObject: true }): Promise<{ data: Uint8Array; info: { width: number; height: number; channels: number } }>
}

/**
 * Red, green and blue of a picture, the right way up. Files are decoded by sharp where it is installed; without it Hence
 * reads JPEG, PNG, BMP, TIFF and PNM itself.
 *
 * @throws HenceError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_MALFORMED`, `FORMAT_UNSUPPORTED`, `OPTION_INVALID`
 */
export async function readImage(source: ImageSource): Promise<PixelImage> {
  if (typeof source === 'object' && 'width' in source) return toRgb(source)
  const isBytes = source instanceof Uint8Array
  const path = isBytes ? 'the picture' : source instanceof URL || source.startsWith('file://') ? fileURLToPath(source) : source
  const bytes = isBytes ? source : await readSmallFile(path, MAX_FILE_BYTES)
  const sharp = await loadSharp()
  return sharp ? decodeWithSharp(sharp, bytes, path) : decodeAlone(bytes, path)
}

async function decodeWithSharp(sharp: Sharp, bytes: Uint8Array, path: string): Promise<PixelImage> {
  try {
    const { data, info } = await sharp(bytes).rotate().toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true })
    return toRgb({ width: info.width, height: info.height, channels: info.channels as 1 | 3, data })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HenceError('FILE_MALFORMED', `${path} could not be decoded: ${reason}`, { path, cause })
  }
}

async function decodeAlone(bytes: Uint8Array, path: string): Promise<PixelImage> {
  const { format, isReadable, raster } = await decodePicture(bytes)
  if (!isReadable)
    throw new HenceError('FORMAT_UNSUPPORTED', `${path} is ${format ? `a ${format} picture` : 'no picture'} that Hence can decode alone`, {
      path,
      format: format ?? null,
      hint: 'Run `npm install sharp` to read WebP, AVIF, GIF, SVG and more, or convert it to PNG or JPEG, or pass raw pixels.',
    })
  if (!raster) throw new HenceError('FILE_MALFORMED', `${path}: the ${format} picture is damaged`, { path, format })
  const { width, height, rgb } = raster
  return turnImage({ width, height, channels: 3, data: rgb }, exifOrientation(bytes))
}

let loading: Promise<Sharp | undefined> | undefined

/** The module where it is installed. */
function loadSharp(): Promise<Sharp | undefined> {
  // Not a literal, because the compiler must not ask for a package that is optional.
  const name: string = 'sharp'
  loading ??= import(name).then(
    (module: { default: Sharp }) => module.default,
    () => undefined,
  )
  return loading
}
