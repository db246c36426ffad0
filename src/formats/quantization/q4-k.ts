import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, inverse, roundTo } from './block-codec.ts'
import { codeOf, fitAsymmetric, minimumAt, packScale, scaleAt } from './sub-block-scales.ts'

/**
 * 256 values of 4 bits in 8 sub-blocks of 32: `d: f16, dmin: f16, scales: 12 bytes, q: 128 bytes`. Sub-blocks 2k and
 * 2k + 1 are the low and high nibbles of the k-th 32 bytes. x = d · scale · q − dmin · minimum.
 */
export const q4_k: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 144, to += 256) {
      const d = f16At(bytes, at)
      const dmin = f16At(bytes, at + 2)
      for (let s = 0; s < 8; s++) {
        const scale = d * scaleAt(bytes, at + 4, s)
        const minimum = dmin * minimumAt(bytes, at + 4, s)
        const from = at + 16 + (s >>> 1) * 32
        const shift = (s & 1) * 4
        for (let l = 0; l < 32; l++) out[to + s * 32 + l] = scale * ((bytes[from + l]! >>> shift) & 15) - minimum
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 144, from += 256) {
      const { scales, minimums } = fitAsymmetric(values, from, 8, 32, 15)
      const d = writeF16(out, at, Math.max(...scales) / 63)
      const dmin = writeF16(out, at + 2, Math.max(...minimums) / 63)
      for (let s = 0; s < 8; s++) {
        const scale = codeOf(scales[s]!, d, 0, 63)
        const minimum = codeOf(minimums[s]!, dmin, 0, 63)
        packScale(out, at + 4, s, scale, minimum)
        const factor = inverse(d * scale)
        const to = at + 16 + (s >>> 1) * 32
        for (let l = 0; l < 32; l++) out[to + l]! |= roundTo((values[from + s * 32 + l]! + dmin * minimum) * factor, 0, 15) << ((s & 1) * 4)
      }
    }
  },
}
