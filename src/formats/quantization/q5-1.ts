import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, inverse, roundTo } from './block-codec.ts'
import { packFiveBits, unpackHighBits } from './five-bits.ts'
import { range } from './range.ts'

/** 32 values of 5 bits above a minimum: `d: f16, m: f16, fifth bits: u32, low bits: 16 bytes`. x = d q + m. */
export const q5_1: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 24, to += 32) {
      const d = f16At(bytes, at)
      const m = f16At(bytes, at + 2)
      const high = unpackHighBits(bytes, at + 4)
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 8 + j]!
        out[to + j] = d * ((q & 15) | (((high >>> j) & 1) << 4)) + m
        out[to + 16 + j] = d * ((q >>> 4) | (((high >>> (j + 16)) & 1) << 4)) + m
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 24, from += 32) {
      const { min, max } = range(values, from, 32)
      const scale = inverse(writeF16(out, at, (max - min) / 31))
      const m = writeF16(out, at + 2, min)
      packFiveBits(out, at + 4, j => roundTo((values[from + j]! - m) * scale, 0, 31))
    }
  },
}
