/** Reads and writes whole blocks of one storage format; callers have checked every length. */
export interface BlockCodec {
  /** Decodes `blockCount` blocks from the start of `bytes` into the start of `out`. */
  decode(bytes: Uint8Array, blockCount: number, out: Float32Array): void
  /** Encodes `blockCount` blocks from the start of `values`, by plain rounding, into the start of zeroed `out`. */
  encode(values: Float32Array, blockCount: number, out: Uint8Array): void
}

/** `x` rounded to the nearest integer and clamped to [low, high]; 0 when `x` is NaN. */
export function roundTo(x: number, low: number, high: number): number {
  const rounded = Math.round(x)
  return rounded >= low ? Math.min(rounded, high) : rounded < low ? low : 0
}

/** The element of largest magnitude among `count` values, with its sign. */
export function extremum(values: Float32Array, start: number, count: number): number {
  let best = 0
  for (let i = start; i < start + count; i++) if (Math.abs(values[i]!) > Math.abs(best)) best = values[i]!
  return best
}

/** The reciprocal, with 1/0 taken as 0 so that an empty scale encodes zeros. */
export function inverse(x: number): number {
  return x === 0 ? 0 : 1 / x
}
