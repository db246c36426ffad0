import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, inverse, roundTo } from './block-codec.ts'
import { codeOf, fitAsymmetric, minimumAt, packScale, scaleAt } from './sub-block-scales.ts'

/**
 * 256 values of 5 bits in 8 sub-blocks of 32: `d: f16, dmin: f16, scales: 12 bytes, fifth bits: 32 bytes, low bits: 128
 * bytes`. Low bits and scales as in Q4_K; bit s of fifth-bit byte l is value l of sub-block s.
 * x = d · scale · q − dmin · minimum.
 */
export const q5_k: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 176, to += 256) {
      const d = f16At(bytes, at)
      const dmin = f16At(bytes, at + 2)
      for (let s = 0; s < 8; s++) {
        const scale = d * scaleAt(bytes, at + 4, s)
        const minimum = dmin * minimumAt(bytes, at + 4, s)
        const from = at + 48 + (s >>> 1) * 32
        const shift = (s & 1) * 4
        for (let l = 0; l < 32; l++) {
          const q = ((bytes[from + l]! >>> shift) & 15) | (((bytes[at + 16 + l]! >>> s) & 1) << 4)
          out[to + s * 32 + l] = scale * q - minimum
        }
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 176, from += 256) {
      const { scales, minimums } = fitAsymmetric(values, from, 8, 32, 31)
      const d = writeF16(out, at, Math.max(...scales) / 63)
      const dmin = writeF16(out, at + 2, Math.max(...minimums) / 63)
      for (let s = 0; s < 8; s++) {
        const scale = codeOf(scales[s]!, d, 0, 63)
        const minimum = codeOf(minimums[s]!, dmin, 0, 63)
        packScale(out, at + 4, s, scale, minimum)
        const factor = inverse(d * scale)
        const to = at + 48 + (s >>> 1) * 32
        for (let l = 0; l < 32; l++) {
          const q = roundTo((values[from + s * 32 + l]! + dmin * minimum) * factor, 0, 31)
          out[to + l]! |= (q & 15) << ((s & 1) * 4)
          out[at + 16 + l]! |= (q >>> 4) << s
        }
      }
    }
  },
}
