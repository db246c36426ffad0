import { inflateSync } from 'node:zlib'
import { applyPalette, checkImage, emptyRaster, fillRaster, type Raster, unpackSamples } from './raster.ts'

/** Bytes of an entry's value by field type: byte, ASCII, short, long, rational. */
const FIELD_BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8 }

/**
 * The first picture of a TIFF file in strips: gray, colour or palette, plain or packed by LZW, PackBits or deflate;
 * `undefined` for other kinds. Source: TIFF revision 6.0.
 */
export function decodeTiff(bytes: Uint8Array): Raster | undefined {
  const little = bytes[0] === 0x49
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tags = readTags(view, little)
  const one = (tag: number, fallback: number): number => tags.get(tag)?.[0] ?? fallback
  const [width, height] = [one(256, 0), one(257, 0)]
  const [compression, photometric, channels] = [one(259, 1), one(262, 1), one(277, 1)]
  const [bits, rowsPerStrip, predictor] = [one(258, 1), Math.min(one(278, height), height), one(317, 1)]
  const plain = one(284, 1) === 1 && one(266, 1) === 1 && photometric <= 3 && [1, 2, 4, 8, 16].includes(bits)
  if (!plain || tags.has(322) || (predictor !== 1 && (predictor !== 2 || bits !== 8))) return undefined
  if (![1, 5, 8, 32946, 32773].includes(compression)) return undefined
  checkImage(channels >= 1 && channels <= 8 && rowsPerStrip > 0, `${channels} channels in strips of ${rowsPerStrip} rows`)
  const raster = emptyRaster(width, height)
  const [offsets, lengths] = [tags.get(273) ?? [], tags.get(279) ?? []]
  const samples = new Uint8Array(width * height * channels)
  const stride = Math.ceil((width * channels * bits) / 8)
  for (let strip = 0, row = 0; row < height; strip++, row += rowsPerStrip) {
    const [offset, length] = [offsets[strip] ?? -1, lengths[strip] ?? 0]
    checkImage(offset >= 0 && offset + length <= bytes.length, `strip ${strip} is outside the file`)
    const rows = Math.min(rowsPerStrip, height - row)
    const packed = unpackStrip(bytes.subarray(offset, offset + length), compression, rows * stride)
    if (predictor === 2) addNeighbours(packed, stride, channels)
    samples.set(
      unpackSamples(packed, bits, width * channels, rows, photometric !== 3, little).subarray(0, rows * width * channels),
      row * width * channels,
    )
  }
  if (photometric === 0) for (let i = 0; i < samples.length; i++) samples[i] = 255 - samples[i]!
  if (photometric === 3) {
    // Reds, greens, blues of 16 bits one after another.
    const map = tags.get(320) ?? []
    const colours = map.length / 3
    applyPalette(
      raster,
      samples,
      Uint8Array.from({ length: 3 * colours }, (_, i) => map[(i % 3) * colours + Math.floor(i / 3)]! >> 8),
    )
  } else {
    checkImage(photometric !== 2 || channels >= 3, `${channels} channels of colour`)
    fillRaster(raster, samples, channels)
  }
  return raster
}

/** Integer values of the first directory by tag. */
function readTags(view: DataView, little: boolean): Map<number, number[]> {
  checkImage(view.byteLength >= 8, 'no header')
  const start = view.getUint32(4, little)
  checkImage(start + 2 <= view.byteLength, 'no directory')
  const tags = new Map<number, number[]>()
  const count = view.getUint16(start, little)
  checkImage(start + 2 + 12 * count <= view.byteLength, 'the directory is cut off')
  for (let entry = 0; entry < count; entry++) {
    const at = start + 2 + 12 * entry
    const [tag, type, values] = [view.getUint16(at, little), view.getUint16(at + 2, little), view.getUint32(at + 4, little)]
    const size = FIELD_BYTES[type]
    if (size === undefined || type === 2 || type === 5) continue
    const from = values * size <= 4 ? at + 8 : view.getUint32(at + 8, little)
    checkImage(from + values * size <= view.byteLength, `tag ${tag} is cut off`)
    const read = (i: number): number =>
      size === 1 ? view.getUint8(from + i) : size === 2 ? view.getUint16(from + 2 * i, little) : view.getUint32(from + 4 * i, little)
    tags.set(
      tag,
      Array.from({ length: values }, (_, i) => read(i)),
    )
  }
  return tags
}

function unpackStrip(packed: Uint8Array, compression: number, size: number): Uint8Array {
  if (compression === 1) return Uint8Array.from(packed.subarray(0, size))
  if (compression === 5) return unpackLzw(packed, size)
  if (compression === 32773) return unpackBits(packed, size)
  return new Uint8Array(inflateSync(packed, { maxOutputLength: size + 1 }))
}

/** Horizontal differencing: every sample is the difference to the pixel on its left. */
function addNeighbours(data: Uint8Array, stride: number, channels: number): void {
  for (let row = 0; row < data.length; row += stride) for (let i = channels; i < stride; i++) data[row + i]! += data[row + i - channels]!
}

function unpackBits(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  for (let read = 0, write = 0; read < packed.length && write < size; ) {
    const count = packed[read++]!
    if (count < 128) {
      const run = packed.subarray(read, read + Math.min(count + 1, size - write))
      out.set(run, write)
      read += count + 1
      write += count + 1
    } else if (count > 128) {
      out.fill(packed[read++] ?? 0, write, write + 257 - count)
      write += 257 - count
    }
  }
  return out
}

/** Codes of 9 to 12 bits, most significant bit first; a table entry is a previous entry and one more byte. */
function unpackLzw(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  const [previous, last, length] = [new Uint16Array(4097), new Uint8Array(4097), new Uint16Array(4097)]
  for (let code = 0; code < 256; code++) {
    last[code] = code
    length[code] = 1
  }
  let [write, next, width, before, bits, held] = [0, 258, 9, -1, 0, 0]
  for (let read = 0; read < packed.length && write < size; ) {
    while (bits < width) {
      held = ((held << 8) | (packed[read++] ?? 0)) & 0xffffff
      bits += 8
    }
    const code = (held >> (bits - width)) & ((1 << width) - 1)
    bits -= width
    if (code === 257) break
    if (code === 256) {
      ;[next, width, before] = [258, 9, -1]
      continue
    }
    checkImage(code < next || (code === next && before >= 0), `code ${code} of ${next}`)
    const known = code < next ? code : before
    const count = length[known]!
    let at = write + count
    for (let entry = known; at > write; entry = previous[entry]!) out[--at] = last[entry]!
    const first = out[write]!
    write += count
    if (code === next) out[write++] = first
    if (before >= 0 && next < 4096) {
      previous[next] = before
      last[next] = first
      length[next] = length[before]! + 1
      next++
    }
    before = code
    width = next >= 2047 ? 12 : next >= 1023 ? 11 : next >= 511 ? 10 : 9
  }
  return out
}
