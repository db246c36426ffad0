import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, extremum, inverse } from './block-codec.ts'
import { NON_LINEAR_GRID as GRID, nearestOnGrid } from './four-bit-grid.ts'
import { codeOf, fitSymmetric } from './sub-block-scales.ts'

/**
 * 256 codes of 4 bits into the grid of IQ4_NL, in 8 sub-blocks of 32: `d: f16, scale tops: u16, scale nibbles: 4 bytes,
 * q: 128 bytes` (16 bytes a sub-block, nibbles as in Q4_0). Scale s is nibble s plus bit pair s of the tops.
 * x = d (scale − 32) grid[q].
 */
export const iq4_xs: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 136, to += 256) {
      const d = f16At(bytes, at)
      const tops = bytes[at + 2]! | (bytes[at + 3]! << 8)
      for (let s = 0; s < 8; s++) {
        const code = ((bytes[at + 4 + (s >>> 1)]! >>> ((s & 1) * 4)) & 15) | (((tops >>> (2 * s)) & 3) << 4)
        const scale = d * (code - 32)
        for (let j = 0; j < 16; j++) {
          const q = bytes[at + 8 + s * 16 + j]!
          out[to + s * 32 + j] = scale * GRID[q & 15]!
          out[to + s * 32 + 16 + j] = scale * GRID[q >>> 4]!
        }
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 136, from += 256) {
      const scales = fitSymmetric(values, from, 8, 32, 127)
      const d = writeF16(out, at, extremum(scales, 0, 8) / -32)
      for (let s = 0; s < 8; s++) {
        const code = codeOf(scales[s]!, d, -32, 31)
        out[at + 4 + (s >>> 1)]! |= ((code + 32) & 15) << ((s & 1) * 4)
        out[at + 2 + (s >>> 2)]! |= ((code + 32) >>> 4) << ((s & 3) * 2)
        const factor = inverse(d * code)
        for (let j = 0; j < 16; j++) {
          const low = nearestOnGrid(GRID, values[from + s * 32 + j]! * factor)
          const high = nearestOnGrid(GRID, values[from + s * 32 + 16 + j]! * factor)
          out[at + 8 + s * 16 + j] = low | (high << 4)
        }
      }
    }
  },
}
