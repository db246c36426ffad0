import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { arch, platform, versions } from 'node:process'

/** The machine this process runs on. */
export interface Machine {
  readonly node: string
  readonly platform: string
  readonly cpu: string
  /** Cores this process may use. */
  readonly cores: number
  readonly memoryBytes: number
  /** What this process could still have. */
  readonly availableBytes: number
}

/** Looks at the machine; limits of a container count. */
export function machineOf(): Machine {
  // Node 20.13 and later.
  const { availableMemory, constrainedMemory } = process as { availableMemory?: () => number; constrainedMemory?: () => number }
  const limit = constrainedMemory?.call(process) ?? 0
  return {
    node: versions.node,
    platform: `${platform}-${arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
    availableBytes: availableMemory?.call(process) ?? freemem(),
  }
}
