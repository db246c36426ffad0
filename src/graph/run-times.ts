import type { Program } from '../program/index.ts'

/** A step of a plan; one that is a program has instructions. */
export interface TimedStep {
  readonly kind: string
  readonly segment?: { readonly program: Program }
}

/** What one step took in a run. */
export interface StepTimes {
  /** How often it ran: more than once within a loop. */
  runs: number
  ms: number
  /** Of a program: the seconds of each instruction. */
  readonly seconds?: Float64Array
  /** Of a node with bodies: the steps of these. */
  readonly inside: RunTimes
}

/** Times of the steps of one run, in the order in which they first ran. */
export class RunTimes {
  readonly steps: Map<TimedStep, StepTimes> = new Map()
  readonly #outer: RunTimes | undefined
  #isWhole = true

  constructor(outer?: RunTimes) {
    this.#outer = outer
  }

  /** False when a part of the run was planned on the way, which takes longer and leaves no times. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Notes that a part of the run was not done by following a plan. */
  unplanned(): void {
    this.#isWhole = false
    this.#outer?.unplanned()
  }

  of(step: TimedStep): StepTimes {
    const known = this.steps.get(step)
    if (known) return known
    const seconds = step.segment ? { seconds: new Float64Array(step.segment.program.instructions.length) } : {}
    const times: StepTimes = { runs: 0, ms: 0, ...seconds, inside: new RunTimes(this) }
    this.steps.set(step, times)
    return times
  }
}
