import { HenceError } from '../../../core/index.ts'
import { checkShape, type Operator, tensorInput, unsupportedVariant } from '../../operator.ts'
import { showShape } from '../support/index.ts'
import { decodeBmp } from './bmp.ts'
import { decodeJpeg } from './jpeg.ts'
import { decodePng } from './png.ts'
import { decodePnm } from './pnm.ts'
import { BrokenImage, type Raster } from './raster.ts'
import { decodeTiff } from './tiff.ts'

interface Format {
  readonly name: string
  /** Bytes at the start; -1 stands for any. */
  readonly signature: readonly number[]
  /** `undefined` for a kind of the format that is not read; without it none is. */
  readonly decode?: (bytes: Uint8Array) => Raster | undefined
}

const FORMATS: readonly Format[] = [
  { name: 'PNG', signature: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], decode: decodePng },
  { name: 'JPEG', signature: [0xff, 0xd8, 0xff], decode: decodeJpeg },
  { name: 'BMP', signature: [0x42, 0x4d], decode: decodeBmp },
  { name: 'TIFF', signature: [0x49, 0x49, 0x2a, 0x00], decode: decodeTiff },
  { name: 'TIFF', signature: [0x4d, 0x4d, 0x00, 0x2a], decode: decodeTiff },
  ...[1, 2, 3, 4, 5, 6].map(kind => ({ name: 'PNM', signature: [0x50, 0x30 + kind], decode: decodePnm })),
  { name: 'WebP', signature: [0x52, 0x49, 0x46, 0x46, -1, -1, -1, -1, 0x57, 0x45, 0x42, 0x50] },
  { name: 'JPEG 2000', signature: [0, 0, 0, 0x0c, 0x6a, 0x50, 0x20, 0x20] },
  { name: 'JPEG 2000', signature: [0xff, 0x4f, 0xff, 0x51] },
]

/** Pixels of a picture file. A file that is broken or of no known format gives an empty picture, as the specification says. */
const imageDecoder: Operator = {
  domain: '',
  name: 'ImageDecoder',
  run(call) {
    const encoded = tensorInput(call, 0)
    checkShape(
      encoded.dtype === 'u8' && encoded.shape.length === 1,
      call,
      `stream must be u8 of one axis, is ${encoded.dtype} ${showShape(encoded.shape)}`,
    )
    const order = call.attributes.string('pixel_format', 'RGB')
    if (order !== 'RGB' && order !== 'BGR' && order !== 'Grayscale')
      throw new HenceError('GRAPH_INVALID', `${call.node}: pixel_format is ${order}`, { node: call.node, pixel_format: order })
    const bytes = encoded.data as Uint8Array
    const format = FORMATS.find(({ signature }) => signature.every((byte, i) => byte < 0 || bytes[i] === byte))
    if (format && !format.decode) throw unsupportedVariant(call, `a picture in the format ${format.name}`)
    const channels = order === 'Grayscale' ? 1 : 3
    let raster: Raster | undefined
    try {
      raster = format?.decode?.(bytes)
      if (format && !raster) throw unsupportedVariant(call, `this kind of ${format.name}`)
    } catch (error) {
      const isDamage = error instanceof BrokenImage || error instanceof RangeError || isZlibError(error)
      if (!isDamage) throw error
    }
    if (!raster) return [{ dtype: 'u8', shape: [0, 0, channels], data: new Uint8Array(0) }]
    return [{ dtype: 'u8', shape: [raster.height, raster.width, channels], data: arrange(raster, order) }]
  },
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(Z_|ERR_BUFFER_TOO_LARGE)/.test(String(error.code))
}

function arrange({ rgb }: Raster, order: 'RGB' | 'BGR' | 'Grayscale'): Uint8Array {
  if (order === 'RGB') return rgb
  if (order === 'BGR') {
    for (let at = 0; at < rgb.length; at += 3) [rgb[at], rgb[at + 2]] = [rgb[at + 2]!, rgb[at]!]
    return rgb
  }
  // Luma of ITU-R BT.601 in 16-bit fixed point.
  return Uint8Array.from(
    { length: rgb.length / 3 },
    (_, i) => (rgb[3 * i]! * 19595 + rgb[3 * i + 1]! * 38470 + rgb[3 * i + 2]! * 7471 + 32768) >> 16,
  )
}

export const imageDecoderOperators: readonly Operator[] = [imageDecoder]
