import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, extremum, inverse, roundTo } from './block-codec.ts'

/** 32 values of 4 bits around 8: `d: f16, q: 16 bytes`; byte j holds value j (low) and j + 16 (high). x = d (q − 8). */
export const q4_0: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 18, to += 32) {
      const d = f16At(bytes, at)
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 2 + j]!
        out[to + j] = d * ((q & 15) - 8)
        out[to + 16 + j] = d * ((q >>> 4) - 8)
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 18, from += 32) {
      const scale = inverse(writeF16(out, at, extremum(values, from, 32) / -8))
      for (let j = 0; j < 16; j++) {
        const low = roundTo(values[from + j]! * scale + 8, 0, 15)
        const high = roundTo(values[from + 16 + j]! * scale + 8, 0, 15)
        out[at + 2 + j] = low | (high << 4)
      }
    }
  },
}
