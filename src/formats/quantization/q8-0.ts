import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, extremum, inverse, roundTo } from './block-codec.ts'

/** 32 signed bytes with one scale: `d: f16, q: 32 × i8`. x = d q. */
export const q8_0: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 34, to += 32) {
      const d = f16At(bytes, at)
      for (let j = 0; j < 32; j++) out[to + j] = d * ((bytes[at + 2 + j]! << 24) >> 24)
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 34, from += 32) {
      const scale = inverse(writeF16(out, at, Math.abs(extremum(values, from, 32)) / 127))
      for (let j = 0; j < 32; j++) out[at + 2 + j] = roundTo(values[from + j]! * scale, -127, 127)
    }
  },
}
