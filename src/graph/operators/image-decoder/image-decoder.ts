import { HenceError } from '../../../core/index.ts'
import { checkShape, type Operator, tensorInput, unsupportedVariant } from '../../operator.ts'
import { showShape } from '../support/index.ts'
import { decodePicture } from './decode-picture.ts'
import type { Raster } from './raster.ts'

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
    const { format, isReadable, raster } = decodePicture(encoded.data as Uint8Array)
    if (format && !isReadable) throw unsupportedVariant(call, `this kind of ${format}`)
    const channels = order === 'Grayscale' ? 1 : 3
    if (!raster) return [{ dtype: 'u8', shape: [0, 0, channels], data: new Uint8Array(0) }]
    return [{ dtype: 'u8', shape: [raster.height, raster.width, channels], data: arrange(raster, order) }]
  },
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
