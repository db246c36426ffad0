import { f16At, writeF16 } from '../../core/index.ts'
import { type BlockCodec, extremum, inverse } from './block-codec.ts'
import { NON_LINEAR_GRID as GRID, nearestOnGrid } from './four-bit-grid.ts'

/** 32 codes of 4 bits into a fixed non-linear grid: `d: f16, q: 16 bytes` (nibbles as in Q4_0). x = d · grid[q]. */
export const iq4_nl: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 18, to += 32) {
      const d = f16At(bytes, at)
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 2 + j]!
        out[to + j] = d * GRID[q & 15]!
        out[to + 16 + j] = d * GRID[q >>> 4]!
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 18, from += 32) {
      const factor = inverse(writeF16(out, at, extremum(values, from, 32) / -127))
      for (let j = 0; j < 16; j++) {
        const low = nearestOnGrid(GRID, values[from + j]! * factor)
        const high = nearestOnGrid(GRID, values[from + 16 + j]! * factor)
        out[at + 2 + j] = low | (high << 4)
      }
    }
  },
}
