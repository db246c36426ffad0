import { applyPalette, checkImage, emptyRaster, type Raster, unpackSamples } from './raster.ts'

/** Windows bitmaps of 1 to 32 bits without run lengths; `undefined` for other kinds. Source: BITMAPINFOHEADER. */
export function decodeBmp(bytes: Uint8Array): Raster | undefined {
  checkImage(bytes.length >= 54, 'no room for the headers')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pixels = view.getUint32(10, true)
  const header = view.getUint32(14, true)
  if (header < 40) return undefined
  const width = view.getInt32(18, true)
  const signedHeight = view.getInt32(22, true)
  const bits = view.getUint16(28, true)
  const compression = view.getUint32(30, true)
  if (compression !== 0 && compression !== 3) return undefined
  const height = Math.abs(signedHeight)
  const raster = emptyRaster(width, height)
  const stride = Math.ceil((width * bits) / 32) * 4
  checkImage(pixels + stride * height <= bytes.length, `${bytes.length} bytes for ${height} rows of ${stride}`)
  // Rows run upwards unless the height is negative.
  const rowAt = (row: number): number => pixels + (signedHeight < 0 ? row : height - 1 - row) * stride
  if (bits <= 8) {
    const colours = view.getUint32(46, true) || 2 ** bits
    checkImage(colours <= 256 && 14 + header + 4 * colours <= bytes.length, `${colours} colours`)
    const palette = new Uint8Array(3 * colours)
    for (let i = 0; i < colours; i++) for (let c = 0; c < 3; c++) palette[3 * i + c] = bytes[14 + header + 4 * i + 2 - c]!
    const indices = new Uint8Array(width * height)
    for (let row = 0; row < height; row++)
      indices.set(unpackSamples(bytes.subarray(rowAt(row), rowAt(row) + stride), bits, width, 1, false), row * width)
    applyPalette(raster, indices, palette)
    return raster
  }
  if (bits === 24) {
    for (let row = 0, write = 0; row < height; row++)
      for (let column = 0, read = rowAt(row); column < width; column++, read += 3)
        for (let c = 2; c >= 0; c--) raster.rgb[write++] = bytes[read + c]!
    return raster
  }
  if (bits !== 16 && bits !== 32) return undefined
  checkImage(compression === 0 || bytes.length >= 66, 'no room for the masks')
  const masks =
    compression === 3 ? [54, 58, 62].map(at => view.getUint32(at, true)) : bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff]
  const shifts = masks.map(mask => (mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)))
  for (let row = 0, write = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const at = rowAt(row) + (column * bits) / 8
      const value = bits === 16 ? view.getUint16(at, true) : view.getUint32(at, true)
      for (let c = 0; c < 3; c++) {
        const top = masks[c]! >>> shifts[c]!
        raster.rgb[write++] = top === 0 ? 0 : Math.round((((value & masks[c]!) >>> shifts[c]!) * 255) / top)
      }
    }
  return raster
}
