/** What reports tell of a set of times; null where there are none. */
export interface Summary {
  readonly mean: number | null
  readonly median: number | null
  /** Of the whole set, not of a sample from a larger one. */
  readonly std: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
}

/** Mean, deviation and percentiles of some numbers. */
export function summaryOf(values: readonly number[]): Summary {
  if (values.length === 0) return { mean: null, median: null, std: null, p50: null, p90: null, p95: null, p99: null }
  const sorted = Float64Array.from(values).sort()
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const at = (percent: number): number => percentileOf(sorted, percent)
  return { mean, median: at(50), std: deviation(values, mean), p50: at(50), p90: at(90), p95: at(95), p99: at(99) }
}

/**
 * The value below which a share of the numbers lies, with a straight line between neighbours (type 7 of Hyndman and Fan,
 * "Sample quantiles in statistical packages", 1996).
 *
 * @param sorted - at least one number, smallest first
 * @param percent - 0 to 100
 */
export function percentileOf(sorted: ArrayLike<number>, percent: number): number {
  const place = (percent / 100) * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (high - low) * (place - below)
}

function deviation(values: readonly number[], mean: number): number {
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}
