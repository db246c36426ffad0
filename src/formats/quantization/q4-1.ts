import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, inverse, roundTo } from './block-codec.ts'
import { range } from './range.ts'

/** 32 values of 4 bits above a minimum: `d: f16, m: f16, q: 16 bytes` (nibbles as in Q4_0). x = d q + m. */
export const q4_1: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 20, to += 32) {
      const d = f16At(bytes, at)
      const m = f16At(bytes, at + 2)
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 4 + j]!
        out[to + j] = d * (q & 15) + m
        out[to + 16 + j] = d * (q >>> 4) + m
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 20, from += 32) {
      const { min, max } = range(values, from, 32)
      const scale = inverse(writeF16(out, at, (max - min) / 15))
      const m = writeF16(out, at + 2, min)
      for (let j = 0; j < 16; j++) {
        const low = roundTo((values[from + j]! - m) * scale, 0, 15)
        const high = roundTo((values[from + 16 + j]! - m) * scale, 0, 15)
        out[at + 4 + j] = low | (high << 4)
      }
    }
  },
}
