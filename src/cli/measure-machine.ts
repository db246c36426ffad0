import { nativeBackend } from '../backends/index.ts'
import type { Machine } from './machine.ts'

/** Speeds of this machine with the native backend's own instructions. */
export interface Speeds {
  readonly threads: number
  /** Bytes that were read for the bandwidths. */
  readonly bytes: number
  /** Bytes per second. */
  readonly bandwidth: number
  readonly bandwidthOneThread: number
  /** Operations per second, a multiply-add counted as two. */
  readonly exact: number
  readonly fast: number
}

/** Enough to leave every cache behind. */
const LARGEST_SAMPLE = 2 * 2 ** 30
const SMALLEST_SAMPLE = 64 * 2 ** 20

/** Bytes to read for a bandwidth: `wanted`, as far as a quarter of the free memory allows. */
export function sampleBytes(wanted: number, availableBytes: number): number {
  return Math.floor(Math.max(SMALLEST_SAMPLE, Math.min(wanted, LARGEST_SAMPLE, availableBytes / 4)))
}

/**
 * Measures bandwidth and arithmetic, in a few seconds.
 *
 * @throws HenceError `BACKEND_UNAVAILABLE`
 */
export async function measureMachine({ cores, availableBytes }: Machine): Promise<Speeds> {
  const bytes = sampleBytes(LARGEST_SAMPLE, availableBytes)
  const all = nativeBackend({ threads: cores })
  const one = nativeBackend({ threads: 1 })
  try {
    const bandwidth = await all.measureBandwidth(bytes)
    const bandwidthOneThread = await one.measureBandwidth(bytes)
    const exact = await all.measurePeak('exact')
    const fast = await all.measurePeak('fast')
    return { threads: cores, bytes, bandwidth, bandwidthOneThread, exact, fast }
  } finally {
    all.dispose()
    one.dispose()
  }
}
