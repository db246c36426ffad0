const EXIF = 'Exif\0\0'
const ORIENTATION_TAG = 0x0112

/** How a JPEG file says it must be turned to be seen upright: 1 to 8, 1 when it says nothing. Source: Exif 2.32, TIFF 6. */
export function exifOrientation(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return 1
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = view.getUint16(at)
    const length = view.getUint16(at + 2)
    // Segments end where the picture itself begins.
    if (marker < 0xffc0 || marker === 0xffda || length < 2) return 1
    const end = Math.min(bytes.length, at + 2 + length)
    if (marker === 0xffe1 && textAt(bytes, at + 4, EXIF.length) === EXIF) return readDirectory(bytes, at + 4 + EXIF.length, end)
    at += 2 + length
  }
  return 1
}

function readDirectory(bytes: Uint8Array, start: number, end: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, end)
  const order = textAt(bytes, start, 2)
  if (start + 8 > end || (order !== 'II' && order !== 'MM')) return 1
  const isLittle = order === 'II'
  const directory = start + view.getUint32(start + 4, isLittle)
  if (directory + 2 > end) return 1
  const count = view.getUint16(directory, isLittle)
  for (let entry = directory + 2; entry < directory + 2 + 12 * count && entry + 12 <= end; entry += 12) {
    if (view.getUint16(entry, isLittle) !== ORIENTATION_TAG) continue
    const orientation = view.getUint16(entry + 8, isLittle)
    return orientation >= 1 && orientation <= 8 ? orientation : 1
  }
  return 1
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length))
}
