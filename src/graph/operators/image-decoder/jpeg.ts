import { BitReader, type HuffmanTable, huffmanTable } from './jpeg-huffman.ts'
import { inverseCosineTransform } from './jpeg-idct.ts'
import { type Component, readScan, ZIGZAG } from './jpeg-scan.ts'
import { type Plane, upsample } from './jpeg-upsample.ts'
import { checkImage, emptyRaster, type Raster } from './raster.ts'

interface Frame {
  readonly width: number
  readonly height: number
  readonly progressive: boolean
  readonly components: readonly Component[]
  readonly widest: number
  readonly tallest: number
}

/** Files with more scans than this are hostile: each costs a walk over the whole picture. */
const MAX_SCANS = 200

/** Baseline and progressive JPEG with Huffman codes; `undefined` for other kinds. Source: ITU-T T.81. */
export function decodeJpeg(bytes: Uint8Array): Raster | undefined {
  const quantizers: Int32Array[] = []
  const [dcTables, acTables]: [HuffmanTable[], HuffmanTable[]] = [[], []]
  let frame: Frame | undefined
  let [restartInterval, adobe, scans] = [0, -1, 0]
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) {
      at++
      continue
    }
    const marker = bytes[at + 1]!
    if (marker === 0xff || marker === 0 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += marker === 0xff ? 1 : 2
      continue
    }
    if (marker === 0xd9) break
    const end = at + 2 + bytes[at + 2]! * 256 + bytes[at + 3]!
    checkImage(end <= bytes.length, 'a segment is cut off')
    const body = bytes.subarray(at + 4, end)
    at = end
    if (marker === 0xdb) readQuantizers(body, quantizers)
    else if (marker === 0xc4) readTables(body, dcTables, acTables)
    else if (marker === 0xdd) restartInterval = body[0]! * 256 + body[1]!
    else if (marker === 0xee && String.fromCharCode(...body.subarray(0, 5)) === 'Adobe') adobe = body[11]!
    else if (marker === 0xda) {
      checkImage(frame !== undefined && ++scans <= MAX_SCANS, 'a scan too many')
      at = readScanSegment(bytes, body, end, frame, dcTables, acTables, restartInterval)
    } else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc) {
      if (marker > 0xc2) return undefined
      checkImage(frame === undefined, 'a second frame')
      frame = readFrame(body, marker === 0xc2)
      if (!frame) return undefined
    }
  }
  checkImage(frame !== undefined && scans > 0, 'no picture')
  return paint(frame, quantizers, adobe)
}

function readQuantizers(body: Uint8Array, quantizers: Int32Array[]): void {
  for (let at = 0; at < body.length; ) {
    const [wide, id] = [body[at]! >> 4, body[at]! & 15]
    at++
    checkImage(id < 4 && at + (wide ? 128 : 64) <= body.length, 'a quantizer is cut off')
    const table = new Int32Array(64)
    for (const natural of ZIGZAG) {
      table[natural] = wide ? body[at]! * 256 + body[at + 1]! : body[at]!
      at += wide ? 2 : 1
    }
    quantizers[id] = table
  }
}

function readTables(body: Uint8Array, dc: HuffmanTable[], ac: HuffmanTable[]): void {
  for (let at = 0; at < body.length; ) {
    const [kind, id] = [body[at]! >> 4, body[at]! & 15]
    const counts = body.subarray(at + 1, at + 17)
    const total = counts.reduce((sum, count) => sum + count, 0)
    checkImage(kind < 2 && id < 4 && total <= 256 && at + 17 + total <= body.length, 'a code table is broken')
    ;(kind === 0 ? dc : ac)[id] = huffmanTable(counts, body.subarray(at + 17, at + 17 + total))
    at += 17 + total
  }
}

function readFrame(body: Uint8Array, progressive: boolean): Frame | undefined {
  const count = body[5]!
  checkImage(body.length >= 6 + 3 * count, 'the frame is cut off')
  if (body[0] !== 8 || (count !== 1 && count !== 3 && count !== 4)) return undefined
  const [height, width] = [body[1]! * 256 + body[2]!, body[3]! * 256 + body[4]!]
  // Refuses absurd sizes before coefficients are allocated.
  emptyRaster(width, height)
  const factors = Array.from({ length: count }, (_, i) => [body[7 + 3 * i]! >> 4, body[7 + 3 * i]! & 15] as const)
  checkImage(
    factors.every(([h, v]) => h >= 1 && h <= 4 && v >= 1 && v <= 4),
    'sampling factors',
  )
  const [widest, tallest] = [Math.max(...factors.map(f => f[0])), Math.max(...factors.map(f => f[1]))]
  const [unitsWide, unitsHigh] = [Math.ceil(width / (8 * widest)), Math.ceil(height / (8 * tallest))]
  const components = factors.map(([horizontal, vertical], i): Component => {
    const storedWide = unitsWide * horizontal
    return {
      id: body[6 + 3 * i]!,
      horizontal,
      vertical,
      quantizer: body[8 + 3 * i]!,
      blocksWide: Math.ceil(Math.ceil((width * horizontal) / widest) / 8),
      blocksHigh: Math.ceil(Math.ceil((height * vertical) / tallest) / 8),
      storedWide,
      coefficients: new Int16Array(64 * storedWide * unitsHigh * vertical),
      previous: 0,
      dcTable: undefined,
      acTable: undefined,
    }
  })
  return { width, height, progressive, components, widest, tallest }
}

/** Reads the scan whose header is `body` and returns where the next marker is. */
function readScanSegment(
  bytes: Uint8Array,
  body: Uint8Array,
  start: number,
  frame: Frame,
  dc: readonly HuffmanTable[],
  ac: readonly HuffmanTable[],
  restartInterval: number,
): number {
  const count = body[0]!
  checkImage(count >= 1 && count <= 4 && body.length >= 4 + 2 * count, 'a scan is cut off')
  const components = Array.from({ length: count }, (_, i) => {
    const component = frame.components.find(c => c.id === body[1 + 2 * i])
    checkImage(component !== undefined, 'a scan of an unknown component')
    component.dcTable = dc[body[2 + 2 * i]! >> 4]
    component.acTable = ac[body[2 + 2 * i]! & 15]
    return component
  })
  const [from, to, approximation] = [body[1 + 2 * count]!, body[2 + 2 * count]!, body[3 + 2 * count]!]
  checkImage(!frame.progressive || (from <= to && to <= 63 && (from === 0 || count === 1)), `a scan of coefficients ${from} to ${to}`)
  const bits = new BitReader(bytes, start)
  readScan(bits, {
    components,
    from,
    to,
    high: frame.progressive ? approximation >> 4 : 0,
    low: frame.progressive ? approximation & 15 : 0,
    progressive: frame.progressive,
    restartInterval,
    unitsWide: Math.ceil(frame.width / (8 * frame.widest)),
    unitsHigh: Math.ceil(frame.height / (8 * frame.tallest)),
  })
  return bits.end()
}

/** Samples of a component from its coefficients. */
function componentPlane(frame: Frame, component: Component, quantizer: Int32Array | undefined): Plane {
  checkImage(quantizer !== undefined, 'a component without its quantizer')
  const stride = component.storedWide * 8
  const samples = new Uint8Array(component.coefficients.length)
  const block = new Int32Array(64)
  for (let at = 0, index = 0; at < component.coefficients.length; at += 64, index++) {
    for (let i = 0; i < 64; i++) block[i] = component.coefficients[at + i]! * quantizer[i]!
    const row = Math.floor(index / component.storedWide)
    inverseCosineTransform(block, samples, row * 8 * stride + (index - row * component.storedWide) * 8, stride)
  }
  const width = Math.ceil((frame.width * component.horizontal) / frame.widest)
  return { width, height: Math.ceil((frame.height * component.vertical) / frame.tallest), stride, samples }
}

/** Rounded fixed-point products of 16 bits, as the common decoders tabulate them. */
const scaled = (factor: number, x: number, half: number): number => Math.round(factor * 65536) * x + half

function paint(frame: Frame, quantizers: readonly Int32Array[], adobe: number): Raster {
  const { width, height, components, widest, tallest } = frame
  const raster = emptyRaster(width, height)
  const { rgb } = raster
  const planes = components.map(component => {
    const plane = componentPlane(frame, component, quantizers[component.quantizer])
    return upsample(plane, Math.ceil(widest / component.horizontal), Math.ceil(tallest / component.vertical), width, height)
  })
  const [first, second, third, fourth] = planes as [Uint8Array, ...(Uint8Array | undefined)[]]
  const isYcc = components.length === 4 ? adobe === 2 : adobe !== 0
  for (let pixel = 0, write = 0; pixel < width * height; pixel++, write += 3) {
    const y = first[pixel]!
    let [red, green, blue] = [y, second?.[pixel] ?? y, third?.[pixel] ?? y]
    if (second && third && isYcc) {
      const [cb, cr] = [second[pixel]! - 128, third[pixel]! - 128]
      red = clamp(y + (scaled(1.402, cr, 32768) >> 16))
      green = clamp(y + ((scaled(-0.34414, cb, 32768) + scaled(-0.71414, cr, 0)) >> 16))
      blue = clamp(y + (scaled(1.772, cb, 32768) >> 16))
    }
    if (fourth) {
      // Inks are stored inverted, which is what Adobe's files do.
      const black = fourth[pixel]!
      ;[red, green, blue] = [(red * black) / 255, (green * black) / 255, (blue * black) / 255]
    }
    rgb[write] = red
    rgb[write + 1] = green
    rgb[write + 2] = blue
  }
  return raster
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value
}
