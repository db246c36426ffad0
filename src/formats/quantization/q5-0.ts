import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, extremum, inverse, roundTo } from './block-codec.ts'
import { packFiveBits, unpackHighBits } from './five-bits.ts'

/** 32 values of 5 bits around 16: `d: f16, fifth bits: u32, low bits: 16 bytes` (nibbles as in Q4_0). x = d (q − 16). */
export const q5_0: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 22, to += 32) {
      const d = f16At(bytes, at)
      const high = unpackHighBits(bytes, at + 2)
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 6 + j]!
        out[to + j] = d * (((q & 15) | (((high >>> j) & 1) << 4)) - 16)
        out[to + 16 + j] = d * (((q >>> 4) | (((high >>> (j + 16)) & 1) << 4)) - 16)
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 22, from += 32) {
      const scale = inverse(writeF16(out, at, extremum(values, from, 32) / -16))
      packFiveBits(out, at + 2, j => roundTo(values[from + j]! * scale + 16, 0, 31))
    }
  },
}
