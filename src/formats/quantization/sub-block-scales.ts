import { extremum, roundTo } from './block-codec.ts'
import { range } from './range.ts'

/**
 * Scales and minimums of the 32-value sub-blocks of Q4_K and Q5_K: eight pairs of 6 bits in 12 bytes. Bytes 0–3 and 4–7
 * hold scales and minimums 0–3 in their low six bits; bytes 8–11 hold the low nibbles of pairs 4–7 (scale low, minimum
 * high), whose top two bits sit in the top bits of bytes 0–3 and 4–7.
 */
export function scaleAt(bytes: Uint8Array, offset: number, index: number): number {
  if (index < 4) return bytes[offset + index]! & 63
  return (bytes[offset + index + 4]! & 15) | ((bytes[offset + index - 4]! >>> 6) << 4)
}

/** The minimum of sub-block `index`; see {@link scaleAt}. */
export function minimumAt(bytes: Uint8Array, offset: number, index: number): number {
  if (index < 4) return bytes[offset + 4 + index]! & 63
  return (bytes[offset + index + 4]! >>> 4) | ((bytes[offset + index]! >>> 6) << 4)
}

/** Writes one pair of 6-bit codes into zeroed bytes; see {@link scaleAt}. */
export function packScale(bytes: Uint8Array, offset: number, index: number, scale: number, minimum: number): void {
  if (index < 4) {
    bytes[offset + index]! |= scale
    bytes[offset + 4 + index]! |= minimum
  } else {
    bytes[offset + index + 4] = (scale & 15) | ((minimum & 15) << 4)
    bytes[offset + index - 4]! |= (scale >>> 4) << 6
    bytes[offset + index]! |= (minimum >>> 4) << 6
  }
}

/** What each sub-block wants before its scale is rounded: x ≈ scale · q − minimum with q in [0, levels]. */
export function fitAsymmetric(
  values: Float32Array,
  start: number,
  subBlocks: number,
  size: number,
  levels: number,
): { scales: Float32Array; minimums: Float32Array } {
  const scales = new Float32Array(subBlocks)
  const minimums = new Float32Array(subBlocks)
  for (let s = 0; s < subBlocks; s++) {
    const { min, max } = range(values, start + s * size, size)
    const floor = Math.min(min, 0)
    scales[s] = Math.max(0, max - floor) / levels
    minimums[s] = -floor
  }
  return { scales, minimums }
}

/** What each sub-block wants before its scale is rounded: x ≈ scale · q with q in [−levels, levels − 1]. */
export function fitSymmetric(values: Float32Array, start: number, subBlocks: number, size: number, levels: number): Float32Array {
  const scales = new Float32Array(subBlocks)
  for (let s = 0; s < subBlocks; s++) scales[s] = extremum(values, start + s * size, size) / -levels
  return scales
}

/** Code of a sub-block's scale in units of `unit`, 0 when the unit is 0. */
export function codeOf(scale: number, unit: number, low: number, high: number): number {
  return unit === 0 ? 0 : roundTo(scale / unit, low, high)
}
