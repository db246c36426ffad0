import { nativeBackend } from '../backends/index.ts'
import { machineOf } from './machine.ts'
import { sampleBytes } from './measure-machine.ts'

/** What bounds the speed of everything, measured with the native backend's own instructions. */
export interface MachineSpeed {
  readonly target: string
  readonly threads: number
  /** Bytes per second. */
  readonly bandwidth: number
  /** Operations per second at the precision asked for, a multiply-add counted as two. */
  readonly peak: number
}

/**
 * Measures bandwidth over as many bytes as the work at hand reads, as far as memory allows, and arithmetic.
 *
 * @throws HenceError `BACKEND_UNAVAILABLE`
 */
export async function measureSpeed(
  bytes: number,
  { threads, target, precision }: { threads?: number | undefined; target?: string | undefined; precision: 'exact' | 'fast' },
): Promise<MachineSpeed> {
  const { cores, availableBytes } = machineOf()
  const backend = nativeBackend({ threads: threads ?? cores, target })
  try {
    const bandwidth = await backend.measureBandwidth(sampleBytes(bytes, availableBytes))
    const peak = await backend.measurePeak(precision)
    return { target: backend.target, threads: backend.threads, bandwidth, peak }
  } finally {
    backend.dispose()
  }
}
