import type { Rng } from '../../core/index.ts'

/** How requests arrive that nobody waits with until others are answered. */
export interface ArrivalOptions {
  /** Requests per second, above 0; Infinity lets all arrive at once. */
  readonly rate: number
  /**
   * Shape of the gamma distribution of the gaps, above 0. 1 makes gaps exponential, so that arrivals are a Poisson process;
   * less comes in bursts, more is steadier, Infinity has equal gaps.
   */
  readonly burstiness: number
}

/**
 * When each request arrives, in milliseconds from the start. The gaps are scaled so that the last request arrives after
 * exactly `count / rate` seconds, as `vllm bench serve` does, which keeps seeds comparable.
 */
export function arrivalTimes(count: number, { rate, burstiness }: ArrivalOptions, rng: Rng): number[] {
  if (rate === Number.POSITIVE_INFINITY) return Array<number>(count).fill(0)
  const times: number[] = []
  let now = 0
  for (let i = 0; i < count; i++) {
    now += burstiness === Number.POSITIVE_INFINITY ? 1 : gamma(burstiness, rng)
    times.push(now)
  }
  const scale = now > 0 ? (count / rate) * (1_000 / now) : 0
  return times.map(time => time * scale)
}

/**
 * A number from the gamma distribution of a shape, with scale 1.
 * Source: Marsaglia & Tsang, "A simple method for generating gamma variables" (2000); below 1 by their section 6.
 */
export function gamma(shape: number, rng: Rng): number {
  if (shape < 1) return gamma(shape + 1, rng) * (1 - rng.uniform()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = rng.normal()
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}
