import type { ProfiledStep, TensorProfile } from '../core/index.ts'
import { leastMs, type MachineSpeed } from './machine-speed.ts'

/** A step with the least time this machine could take for it. */
export interface PredictedStep extends ProfiledStep {
  /** Of all its runs; absent where nothing is known of its costs or nothing was measured. */
  readonly predictedMs?: number
}

/** All steps of one operation together. */
export interface OperationTotal {
  readonly op: string
  readonly steps: number
  readonly ms: number
  readonly share: number
}

/** A measured run, what the machine allows, and where the time goes. */
export interface ProfileReport extends Omit<TensorProfile, 'steps'> {
  readonly backend: string
  readonly threads: number
  readonly shapes: Readonly<Record<string, readonly number[]>>
  /** null without the native backend or when measuring was not wanted. */
  readonly speed: MachineSpeed | null
  /** The sum of all predictions. */
  readonly predictedMs: number | null
  readonly operations: readonly OperationTotal[]
  readonly steps: readonly PredictedStep[]
}

/** Adds to a profile what the machine's bandwidth and arithmetic allow, as `measure` finds them. */
export async function profileReport(
  profile: TensorProfile,
  { name, threads }: { readonly name: string; readonly threads: number },
  shapes: Readonly<Record<string, readonly number[]>>,
  measure: (bytes: number) => Promise<MachineSpeed | null>,
): Promise<ProfileReport> {
  const bytes = profile.steps.reduce((sum, step) => sum + (step.bytes ?? 0), 0)
  const speed = await measure(bytes)
  const steps = speed ? profile.steps.map(step => ({ ...step, ...predicted(step, speed) })) : profile.steps
  return {
    backend: name,
    threads,
    shapes,
    ...profile,
    speed,
    predictedMs: speed && steps.reduce((sum, step: PredictedStep) => sum + (step.predictedMs ?? 0), 0),
    operations: totals(profile.steps),
    steps,
  }
}

function predicted({ bytes, operations, isOfBytes, runs }: ProfiledStep, speed: MachineSpeed): { predictedMs?: number } {
  return bytes === undefined ? {} : { predictedMs: runs * leastMs({ bytes, operations, isOfBytes }, speed) }
}

function totals(steps: readonly ProfiledStep[]): readonly OperationTotal[] {
  const found = new Map<string, OperationTotal>()
  for (const [at, step] of steps.entries()) {
    const inner = steps.reduce((sum, other) => sum + (other.within === at ? other.ms : 0), 0)
    const { op, ms, share } = step.kind === 'node' ? { ...step, op: `${step.op} (TypeScript)` } : step
    // What runs within a node is counted with its own operation.
    const own = Math.max(0, ms - inner)
    const known = found.get(op) ?? { op, steps: 0, ms: 0, share: 0 }
    found.set(op, { op, steps: known.steps + 1, ms: known.ms + own, share: known.share + (ms > 0 ? (share * own) / ms : 0) })
  }
  return [...found.values()].sort((a, b) => b.ms - a.ms)
}
