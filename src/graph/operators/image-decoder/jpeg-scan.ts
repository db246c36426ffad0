import type { BitReader, HuffmanTable } from './jpeg-huffman.ts'
import { checkImage } from './raster.ts'

/** One colour component of a JPEG file. */
export interface Component {
  readonly id: number
  readonly horizontal: number
  readonly vertical: number
  readonly quantizer: number
  /** Blocks that hold the picture; those stored fill whole minimum coded units. */
  readonly blocksWide: number
  readonly blocksHigh: number
  readonly storedWide: number
  /** Coefficients in natural order, 64 per stored block. */
  readonly coefficients: Int16Array
  previous: number
  dcTable: HuffmanTable | undefined
  acTable: HuffmanTable | undefined
}

/** Natural position of each coefficient in zigzag order. */
export const ZIGZAG: readonly number[] = zigzag()

function zigzag(): number[] {
  const order: number[] = []
  for (let sum = 0; sum < 15; sum++)
    for (let i = Math.max(0, sum - 7); i <= Math.min(7, sum); i++) order.push(sum % 2 === 0 ? (sum - i) * 8 + i : i * 8 + (sum - i))
  return order
}

/** What a scan carries: coefficients `from` to `to`, bits from `low` up, refined if `high` is not 0. */
export interface Scan {
  readonly components: readonly Component[]
  readonly from: number
  readonly to: number
  readonly high: number
  readonly low: number
  readonly progressive: boolean
  readonly restartInterval: number
  readonly unitsWide: number
  readonly unitsHigh: number
}

/** Reads all blocks of a scan. Source: ITU-T T.81, annexes F and G. */
export function readScan(bits: BitReader, scan: Scan): void {
  const { components, restartInterval } = scan
  const reader = new BlockReader(bits, scan)
  const single = components.length === 1 ? components[0] : undefined
  const [wide, high] = single ? [single.blocksWide, single.blocksHigh] : [scan.unitsWide, scan.unitsHigh]
  for (let unit = 0; unit < wide * high; unit++) {
    if (restartInterval > 0 && unit > 0 && unit % restartInterval === 0) {
      bits.restart()
      reader.restart()
    }
    const [column, row] = [unit % wide, Math.floor(unit / wide)]
    if (single) reader.read(single, (row * single.storedWide + column) * 64)
    else
      for (const component of components)
        for (let v = 0; v < component.vertical; v++)
          for (let h = 0; h < component.horizontal; h++)
            reader.read(component, ((row * component.vertical + v) * component.storedWide + column * component.horizontal + h) * 64)
  }
}

class BlockReader {
  readonly #bits: BitReader
  readonly #scan: Scan
  /** Blocks still to come that have no further coefficients in this band. */
  #emptyBlocks = 0

  constructor(bits: BitReader, scan: Scan) {
    this.#bits = bits
    this.#scan = scan
    this.restart()
  }

  restart(): void {
    this.#emptyBlocks = 0
    for (const component of this.#scan.components) component.previous = 0
  }

  read(component: Component, at: number): void {
    const { from, high, progressive } = this.#scan
    if (!progressive) {
      this.#readDc(component, at)
      this.#readBand(component, at, 1, 63)
    } else if (from === 0) {
      if (high === 0) this.#readDc(component, at)
      else if (this.#bits.bit()) component.coefficients[at]! |= 1 << this.#scan.low
    } else if (high === 0) this.#readBand(component, at, from, this.#scan.to)
    else this.#refineBand(component, at)
  }

  #readDc(component: Component, at: number): void {
    checkImage(component.dcTable !== undefined, 'a scan without its table')
    component.previous += this.#bits.signed(this.#bits.symbol(component.dcTable) & 15)
    component.coefficients[at] = component.previous * 2 ** this.#scan.low
  }

  #readBand({ coefficients, acTable }: Component, at: number, from: number, to: number): void {
    if (this.#emptyBlocks > 0) {
      this.#emptyBlocks--
      return
    }
    checkImage(acTable !== undefined, 'a scan without its table')
    for (let k = from; k <= to; k++) {
      const symbol = this.#bits.symbol(acTable)
      const [run, size] = [symbol >> 4, symbol & 15]
      if (size === 0) {
        if (run < 15) {
          this.#emptyBlocks = 2 ** run - 1 + this.#bits.bits(run)
          return
        }
        k += 15
        continue
      }
      k += run
      checkImage(k <= 63, 'a run leaves its block')
      coefficients[at + ZIGZAG[k]!] = this.#bits.signed(size) * 2 ** this.#scan.low
    }
  }

  /** One more bit of known coefficients, and new ones of that size. */
  #refineBand({ coefficients, acTable }: Component, at: number): void {
    const { from, to, low } = this.#scan
    checkImage(acTable !== undefined, 'a scan without its table')
    let k = from
    if (this.#emptyBlocks === 0)
      for (; k <= to; k++) {
        const symbol = this.#bits.symbol(acTable)
        let run = symbol >> 4
        let value = 0
        if ((symbol & 15) === 0) {
          if (run < 15) {
            this.#emptyBlocks = 2 ** run + this.#bits.bits(run)
            break
          }
        } else value = (this.#bits.bit() ? 1 : -1) * 2 ** low
        for (; k <= to; k++) {
          const index = at + ZIGZAG[k]!
          if (coefficients[index] !== 0) this.#refine(coefficients, index)
          else if (run-- === 0) {
            coefficients[index] = value
            break
          }
        }
      }
    if (this.#emptyBlocks > 0) {
      for (; k <= to; k++) if (coefficients[at + ZIGZAG[k]!] !== 0) this.#refine(coefficients, at + ZIGZAG[k]!)
      this.#emptyBlocks--
    }
  }

  #refine(coefficients: Int16Array, index: number): void {
    const step = 1 << this.#scan.low
    const value = coefficients[index]!
    if (this.#bits.bit() && (Math.abs(value) & step) === 0) coefficients[index] = value + (value > 0 ? step : -step)
  }
}
