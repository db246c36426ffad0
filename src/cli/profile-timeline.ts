import type { PredictedStep } from './profile-report.ts'

/** A step and when it begins, in milliseconds. */
export interface PlacedStep {
  readonly step: PredictedStep
  readonly startMs: number
}

/** A program's stretch of time. */
export interface PlacedProgram {
  readonly number: number
  readonly startMs: number
  readonly ms: number
}

/** Steps one after the other with their median times; what runs within a node lies within its time, all its runs in one. */
export function layOut(steps: readonly PredictedStep[]): {
  readonly steps: readonly PlacedStep[]
  readonly programs: readonly PlacedProgram[]
  readonly ms: number
} {
  const placed: PlacedStep[] = []
  const programs = new Map<number, { number: number; startMs: number; ms: number }>()
  /** Where the next step begins, by the node it is within. */
  const clocks = new Map<number | undefined, number>([[undefined, 0]])
  for (const [at, step] of steps.entries()) {
    const startMs = clocks.get(step.within)!
    placed.push({ step, startMs })
    clocks.set(step.within, startMs + step.ms)
    clocks.set(at, startMs)
    if (step.program === undefined) continue
    const program = programs.get(step.program)
    if (program) program.ms += step.ms
    else programs.set(step.program, { number: step.program, startMs, ms: step.ms })
  }
  return { steps: placed, programs: [...programs.values()], ms: clocks.get(undefined)! }
}
