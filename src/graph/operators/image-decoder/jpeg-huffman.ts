import { checkImage } from './raster.ts'

/** A prefix code of at most 16 bits, for decoding bit by bit length by length. */
export interface HuffmanTable {
  /** By length: codes below this are of that length or less; -1 where there are none. */
  readonly limits: Int32Array
  /** By length: what to add to a code to find its symbol. */
  readonly shifts: Int32Array
  readonly symbols: Uint8Array
}

/** The code with `counts[i]` symbols of i + 1 bits. */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const [limits, shifts] = [new Int32Array(17).fill(-1), new Int32Array(17)]
  let [code, index] = [0, 0]
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1]!
    if (count > 0) {
      shifts[length] = index - code
      code += count
      index += count
      limits[length] = code
    }
    code *= 2
  }
  return { limits, shifts, symbols }
}

/** The entropy-coded bits of a scan; zeros after its end. */
export class BitReader {
  readonly #bytes: Uint8Array
  #at: number
  #held = 0
  #bits = 0

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  bit(): number {
    if (this.#bits === 0) {
      const byte = this.#bytes[this.#at] ?? 0
      // 0xff is followed by 0 when it is data, else it starts a marker, at which the scan stays.
      if (byte !== 0xff) this.#at++
      else if (this.#bytes[this.#at + 1] === 0) this.#at += 2
      this.#held = byte === 0xff && this.#bytes[this.#at - 1] !== 0 ? 0 : byte
      this.#bits = 8
    }
    return (this.#held >> --this.#bits) & 1
  }

  bits(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) value = value * 2 + this.bit()
    return value
  }

  /** A number of `count` bits whose first bit is 0 when it is negative. */
  signed(count: number): number {
    if (count === 0) return 0
    const value = this.bits(count)
    return value < 2 ** (count - 1) ? value - 2 ** count + 1 : value
  }

  symbol({ limits, shifts, symbols }: HuffmanTable): number {
    let code = 0
    for (let length = 1; length <= 16; length++) {
      code = code * 2 + this.bit()
      if (code < limits[length]!) return symbols[code + shifts[length]!]!
    }
    checkImage(false, 'a code is not in its table')
    return 0
  }

  /** Drops the rest of the byte and a restart marker. */
  restart(): void {
    this.#bits = 0
    const marker = this.#bytes[this.#at + 1]!
    if (this.#bytes[this.#at] === 0xff && marker >= 0xd0 && marker <= 0xd7) this.#at += 2
  }

  /** Where the next marker is. */
  end(): number {
    let at = this.#at
    while (
      at + 1 < this.#bytes.length &&
      !(this.#bytes[at] === 0xff && this.#bytes[at + 1]! !== 0 && (this.#bytes[at + 1]! < 0xd0 || this.#bytes[at + 1]! > 0xd7))
    )
      at++
    return at
  }
}
