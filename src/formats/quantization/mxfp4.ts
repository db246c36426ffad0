import { type BlockCodec, extremum } from './block-codec.ts'
import { E2M1_DOUBLED_GRID as GRID, nearestOnGrid } from './four-bit-grid.ts'

/**
 * 32 E2M1 floats with a power-of-two scale: `e: u8, q: 16 bytes` (nibbles as in Q4_0). x = 2^(e − 128) · grid[q], the
 * grid being doubled. Source: OCP Microscaling Formats (MX) Specification 1.0.
 */
export const mxfp4: BlockCodec = {
  decode(bytes, blockCount, out) {
    for (let b = 0, at = 0, to = 0; b < blockCount; b++, at += 17, to += 32) {
      const scale = 2 ** (bytes[at]! - 128)
      for (let j = 0; j < 16; j++) {
        const q = bytes[at + 1 + j]!
        out[to + j] = scale * GRID[q & 15]!
        out[to + 16 + j] = scale * GRID[q >>> 4]!
      }
    }
  },
  encode(values, blockCount, out) {
    for (let b = 0, at = 0, from = 0; b < blockCount; b++, at += 17, from += 32) {
      const largest = Math.abs(extremum(values, from, 32))
      // The largest E2M1 value is 6 = 1.5 · 2², so the shared exponent is that of the largest element less 2.
      const exponent = largest === 0 ? 0 : Math.min(254, Math.max(0, Math.floor(Math.log2(largest)) - 2 + 127))
      out[at] = exponent
      const factor = 2 ** (128 - exponent)
      for (let j = 0; j < 16; j++) {
        const low = nearestOnGrid(GRID, values[from + j]! * factor)
        const high = nearestOnGrid(GRID, values[from + 16 + j]! * factor)
        out[at + 1 + j] = low | (high << 4)
      }
    }
  },
}
