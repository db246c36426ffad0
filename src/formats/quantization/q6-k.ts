import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, extremum, inverse, roundTo } from './block-codec.ts'
import { codeOf, fitSymmetric } from './sub-block-scales.ts'

/**
 * 256 values of 6 bits in 16 sub-blocks of 16: `low nibbles: 128 bytes, top pairs: 64 bytes, scales: 16 × i8, d: f16`.
 * In each half of 128 values, quarter k (32 values) has its nibbles in bytes 32 (k % 2) + l of the half's 64 (high nibble
 * for k ≥ 2) and its top bits in pair k of byte l of the half's 32. x = d · scale · (q − 32).
 */
export const q6_k: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 210, to += 256) {
      const d = f16At(bytes, at + 208)
      for (let s = 0; s < 16; s++) {
        const scale = d * ((bytes[at + 192 + s]! << 24) >> 24)
        const { low, lowShift, high, highShift } = placeOf(at, s)
        for (let l = 0; l < 16; l++) {
          const q = ((bytes[low + l]! >>> lowShift) & 15) | (((bytes[high + l]! >>> highShift) & 3) << 4)
          out[to + s * 16 + l] = scale * (q - 32)
        }
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 210, from += 256) {
      const scales = fitSymmetric(values, from, 16, 16, 32)
      const d = writeF16(out, at + 208, extremum(scales, 0, 16) / -128)
      for (let s = 0; s < 16; s++) {
        const scale = codeOf(scales[s]!, d, -128, 127)
        out[at + 192 + s] = scale
        const factor = inverse(d * scale)
        const { low, lowShift, high, highShift } = placeOf(at, s)
        for (let l = 0; l < 16; l++) {
          const q = roundTo(values[from + s * 16 + l]! * factor + 32, 0, 63)
          out[low + l]! |= (q & 15) << lowShift
          out[high + l]! |= (q >>> 4) << highShift
        }
      }
    }
  },
}

/** Where sub-block `s` of the block at `at` keeps its nibbles and its top bits. */
function placeOf(at: number, s: number): { low: number; lowShift: number; high: number; highShift: number } {
  const half = s >>> 3
  const quarter = (s >>> 1) & 3
  const column = (s & 1) * 16
  return {
    low: at + half * 64 + (quarter & 1) * 32 + column,
    lowShift: quarter < 2 ? 0 : 4,
    high: at + 128 + half * 32 + column,
    highShift: quarter * 2,
  }
}
