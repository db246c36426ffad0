import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, extremum, inverse, roundTo } from './block-codec.ts'
import { codeOf, fitSymmetric } from './sub-block-scales.ts'

/**
 * 256 values of 3 bits in 16 sub-blocks of 16: `high bits: 32 bytes, low bits: 64 bytes, scales: 12 bytes, d: f16`.
 * Low bits as in Q2_K; bit k of high byte l is value 32k + l. Scale s has its low nibble in byte s % 8 (high nibble for
 * s ≥ 8) and its top two bits in byte 8 + s % 4, pair ⌊s / 4⌋. x = d (scale − 32) (q − 4).
 */
export const q3_k: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 110, to += 256) {
      const d = f16At(bytes, at + 108)
      for (let s = 0; s < 16; s++) {
        const low = (bytes[at + 96 + (s & 7)]! >>> (s < 8 ? 0 : 4)) & 15
        const high = (bytes[at + 104 + (s & 3)]! >>> ((s >>> 2) * 2)) & 3
        const scale = d * ((low | (high << 4)) - 32)
        const column = (s & 1) * 16
        const from = at + 32 + (s >>> 3) * 32 + column
        const shift = ((s >>> 1) & 3) * 2
        const bit = s >>> 1
        for (let l = 0; l < 16; l++) {
          const top = (bytes[at + column + l]! >>> bit) & 1
          out[to + s * 16 + l] = scale * (((bytes[from + l]! >>> shift) & 3) + top * 4 - 4)
        }
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 110, from += 256) {
      const scales = fitSymmetric(values, from, 16, 16, 4)
      const d = writeF16(out, at + 108, extremum(scales, 0, 16) / -32)
      for (let s = 0; s < 16; s++) {
        const scale = codeOf(scales[s]!, d, -32, 31)
        out[at + 96 + (s & 7)]! |= ((scale + 32) & 15) << (s < 8 ? 0 : 4)
        out[at + 104 + (s & 3)]! |= ((scale + 32) >>> 4) << ((s >>> 2) * 2)
        const factor = inverse(d * scale)
        const column = (s & 1) * 16
        const to = at + 32 + (s >>> 3) * 32 + column
        for (let l = 0; l < 16; l++) {
          const q = roundTo(values[from + s * 16 + l]! * factor + 4, 0, 7)
          out[to + l]! |= (q & 3) << (((s >>> 1) & 3) * 2)
          out[at + column + l]! |= (q >>> 2) << (s >>> 1)
        }
      }
    }
  },
}
