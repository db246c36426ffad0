import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, inverse, roundTo } from './block-codec.ts'
import { codeOf, fitAsymmetric } from './sub-block-scales.ts'

/**
 * 256 values of 2 bits in 16 sub-blocks of 16: `scales: 16 bytes (scale low nibble, minimum high), q: 64 bytes, d: f16,
 * dmin: f16`. Each half of 128 values uses 32 bytes of q; bit pair k of byte l is value 32k + l of the half.
 * x = d · scale · q − dmin · minimum.
 */
export const q2_k: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 84, to += 256) {
      const d = f16At(bytes, at + 80)
      const dmin = f16At(bytes, at + 82)
      for (let s = 0; s < 16; s++) {
        const code = bytes[at + s]!
        const scale = d * (code & 15)
        const minimum = dmin * (code >>> 4)
        const from = at + 16 + (s >>> 3) * 32 + (s & 1) * 16
        const shift = ((s >>> 1) & 3) * 2
        for (let l = 0; l < 16; l++) out[to + s * 16 + l] = scale * ((bytes[from + l]! >>> shift) & 3) - minimum
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 84, from += 256) {
      const { scales, minimums } = fitAsymmetric(values, from, 16, 16, 3)
      const d = writeF16(out, at + 80, Math.max(...scales) / 15)
      const dmin = writeF16(out, at + 82, Math.max(...minimums) / 15)
      for (let s = 0; s < 16; s++) {
        const scale = codeOf(scales[s]!, d, 0, 15)
        const minimum = codeOf(minimums[s]!, dmin, 0, 15)
        out[at + s] = scale | (minimum << 4)
        const factor = inverse(d * scale)
        const to = at + 16 + (s >>> 3) * 32 + (s & 1) * 16
        const shift = ((s >>> 1) & 3) * 2
        for (let l = 0; l < 16; l++) out[to + l]! |= roundTo((values[from + s * 16 + l]! + dmin * minimum) * factor, 0, 3) << shift
      }
    }
  },
}
