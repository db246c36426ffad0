import { findAddon, nativeBackend } from '../backends/index.ts'
import type { StartGraphOptions } from '../graph/index.ts'
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
  /** The same of products of 8-bit numbers. */
  readonly bytePeak: number
}

/** What work costs. */
export interface WorkCost {
  readonly bytes: number
  /** Left out where it has no arithmetic. */
  readonly operations?: number | undefined
  /** The operations are products of 8-bit numbers. */
  readonly isOfBytes?: boolean | undefined
}

/** The least time work can take at a speed: the longer of what its bytes and what its arithmetic take. */
export function leastMs({ bytes, operations = 0, isOfBytes = false }: WorkCost, { bandwidth, peak, bytePeak }: MachineSpeed): number {
  return 1000 * Math.max(bytes / bandwidth, operations / (isOfBytes ? bytePeak : peak))
}

/** {@link measureSpeed} where a graph runs natively, once, when it is first asked for; null elsewhere. */
export function graphSpeed(
  { name, threads }: { readonly name: string; readonly threads: number },
  { precision = 'exact', target }: StartGraphOptions,
): (bytes: number) => Promise<MachineSpeed | null> {
  const isNative = name !== 'reference' && findAddon().addon !== undefined
  let speed: Promise<MachineSpeed | null> | undefined
  return bytes => (speed ??= isNative ? measureSpeed(bytes, { threads, target, precision }) : Promise.resolve(null))
}

/** Bytes that leave most caches behind, and that a server can spare for a moment. */
const SERVED_SAMPLE = 2 ** 30

/** Bytes per second that all threads read; undefined without native code. */
export async function measureReading({
  threads,
  target,
}: {
  threads?: number | undefined
  target?: string | undefined
}): Promise<number | undefined> {
  if (findAddon().addon === undefined) return undefined
  const { cores, availableBytes } = machineOf()
  const backend = nativeBackend({ threads: threads ?? cores, target })
  try {
    return await backend.measureBandwidth(sampleBytes(SERVED_SAMPLE, availableBytes))
  } finally {
    backend.dispose()
  }
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
    const fastPeak = precision === 'fast' ? peak : await backend.measurePeak('fast')
    // The matrix unit's `fast` peak is that of bf16; of bytes it multiplies twice as many.
    const bytePeak = backend.target === 'amx' ? 2 * fastPeak : fastPeak
    return { target: backend.target, threads: backend.threads, bandwidth, peak, bytePeak }
  } finally {
    backend.dispose()
  }
}
