import { inflateSync } from 'node:zlib'
import { applyPalette, checkImage, emptyRaster, fillRaster, type Raster, unpackSamples } from './raster.ts'

/** Starts and steps of the passes of an interlaced picture. */
const PASSES = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
]

/** Samples per pixel by colour type. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

/** Portable network graphics of every colour type and depth; transparency is dropped. Source: ISO/IEC 15948. */
export function decodePng(bytes: Uint8Array): Raster {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const data: Uint8Array[] = []
  let palette = new Uint8Array(0)
  let header: DataView | undefined
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    checkImage(at + 12 + length <= bytes.length, `chunk ${type} is cut off`)
    const body = bytes.subarray(at + 8, at + 8 + length)
    if (type === 'IHDR') header = new DataView(body.buffer, body.byteOffset, body.byteLength)
    else if (type === 'PLTE') palette = Uint8Array.from(body)
    else if (type === 'IDAT') data.push(body)
    else if (type === 'IEND') break
    at += 12 + length
  }
  checkImage(header !== undefined && header.byteLength >= 13, 'no header')
  const [width, height] = [header.getUint32(0), header.getUint32(4)]
  const [depth, colour, interlaced] = [header.getUint8(8), header.getUint8(9), header.getUint8(12) === 1]
  const channels = CHANNELS[colour]
  checkImage(channels !== undefined && [1, 2, 4, 8, 16].includes(depth), `colour type ${colour} of ${depth} bits`)
  const raster = emptyRaster(width, height)
  const passes = interlaced ? PASSES : [{ x: 0, y: 0, dx: 1, dy: 1 }]
  const sizes = passes.map(({ x, y, dx, dy }) => {
    const [columns, rows] = [Math.max(0, Math.ceil((width - x) / dx)), Math.max(0, Math.ceil((height - y) / dy))]
    return { columns, rows, stride: columns === 0 ? 0 : Math.ceil((columns * channels * depth) / 8) }
  })
  const total = sizes.reduce((sum, { rows, stride }) => sum + (stride === 0 ? 0 : rows * (stride + 1)), 0)
  const filtered = new Uint8Array(inflateSync(concatenate(data), { maxOutputLength: total + 1 }))
  checkImage(filtered.length >= total, `${filtered.length} of ${total} bytes`)
  const samples = new Uint8Array(width * height * channels)
  let at = 0
  for (const [pass, { columns, rows, stride }] of sizes.entries()) {
    if (stride === 0 || rows === 0) continue
    const packed = unfilter(filtered.subarray(at, at + rows * (stride + 1)), rows, stride, Math.max(1, (channels * depth) >> 3))
    at += rows * (stride + 1)
    const own = unpackSamples(packed, depth, columns * channels, rows, colour !== 3)
    const { x, y, dx, dy } = passes[pass]!
    for (let row = 0, read = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const write = ((y + row * dy) * width + x + column * dx) * channels
        for (let c = 0; c < channels; c++) samples[write + c] = own[read++]!
      }
  }
  if (colour === 3) applyPalette(raster, samples, palette)
  else fillRaster(raster, samples, channels)
  return raster
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Undoes the prediction of each row from its neighbours. */
function unfilter(filtered: Uint8Array, rows: number, stride: number, step: number): Uint8Array {
  const out = new Uint8Array(rows * stride)
  for (let row = 0; row < rows; row++) {
    const kind = filtered[row * (stride + 1)]!
    checkImage(kind <= 4, `filter ${kind}`)
    const read = row * (stride + 1) + 1
    const write = row * stride
    for (let i = 0; i < stride; i++) {
      const left = i >= step ? out[write + i - step]! : 0
      const up = row > 0 ? out[write + i - stride]! : 0
      let predicted = 0
      if (kind === 1) predicted = left
      else if (kind === 2) predicted = up
      else if (kind === 3) predicted = (left + up) >> 1
      else if (kind === 4) predicted = paeth(left, up, row > 0 && i >= step ? out[write + i - stride - step]! : 0)
      out[write + i] = filtered[read + i]! + predicted
    }
  }
  return out
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)]
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}
