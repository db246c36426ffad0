import { checkImage, emptyRaster, fillRaster, type Raster, unpackSamples } from './raster.ts'

/** Portable bitmaps, graymaps and pixmaps, plain (P1–P3) or raw (P4–P6). Source: the netpbm format pages. */
export function decodePnm(bytes: Uint8Array): Raster {
  const kind = bytes[1]! - 48
  let at = 2
  const nextNumber = (digits = Number.POSITIVE_INFINITY): number => {
    for (;;) {
      if (bytes[at] === 35) while (at < bytes.length && bytes[at] !== 10) at++
      else if (bytes[at] === 32 || (bytes[at]! >= 9 && bytes[at]! <= 13)) at++
      else break
    }
    const start = at
    let value = 0
    while (bytes[at]! >= 48 && bytes[at]! <= 57 && at - start < digits && value < 2 ** 31) value = value * 10 + bytes[at++]! - 48
    checkImage(at > start, 'a number is missing')
    return value
  }
  const [width, height] = [nextNumber(), nextNumber()]
  const isBitmap = kind === 1 || kind === 4
  const greatest = isBitmap ? 1 : nextNumber()
  checkImage(greatest >= 1 && greatest <= 65535, `greatest value ${greatest}`)
  const channels = kind === 3 || kind === 6 ? 3 : 1
  const count = width * height * channels
  const bits = isBitmap ? 1 : greatest > 255 ? 16 : 8
  // A plain sample takes a byte at least.
  const needed = kind < 4 ? count : Math.ceil((width * channels * bits) / 8) * height
  checkImage(needed <= bytes.length - at, `${bytes.length} bytes for ${width}×${height}`)
  const raster = emptyRaster(width, height)
  let samples: Uint8Array
  const scaled = (value: number): number => Math.min(255, Math.round((value * 255) / greatest))
  if (kind < 4)
    samples = Uint8Array.from({ length: count }, () => (isBitmap ? 255 * (1 - Math.min(1, nextNumber(1))) : scaled(nextNumber())))
  else {
    // One white space ends the header.
    const packed = bytes.subarray(at + 1)
    if (isBitmap) samples = unpackSamples(packed, 1, width, height, true).map(value => 255 - value)
    else if (greatest === 255) samples = packed
    else
      samples = Uint8Array.from({ length: count }, (_, i) =>
        scaled(greatest > 255 ? packed[2 * i]! * 256 + packed[2 * i + 1]! : packed[i]!),
      )
    checkImage(samples.length >= count, `${samples.length} of ${count} samples`)
  }
  fillRaster(raster, samples, channels)
  return raster
}
