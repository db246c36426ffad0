import { median, type ProfiledStep, type TensorProfile } from '../core/index.ts'
import { costOf } from '../program/index.ts'
import type { CompiledGraph } from './compiled-graph.ts'
import type { Value } from './operator.ts'
import { RunTimes, type StepTimes } from './run-times.ts'
import type { ProgramStep, Step } from './stage.ts'

/** Runs that may go by before one follows a plan from beginning to end. */
const MAX_WARM_UPS = 8
const DEFAULT_RUNS = 10

/** How a graph is profiled. */
export interface ProfileGraphOptions {
  readonly runs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Times of the same step in several runs. */
interface Measured {
  readonly step: Step
  readonly times: readonly StepTimes[]
}

/** Runs a graph a number of times after it has been planned, and tells what each step took. */
export async function profileGraph(
  graph: CompiledGraph,
  inputs: ReadonlyMap<string, Value>,
  { runs = DEFAULT_RUNS, signal }: ProfileGraphOptions = {},
): Promise<TensorProfile> {
  const run = async (): Promise<{ times: RunTimes; ms: number }> => {
    const times = new RunTimes()
    const start = performance.now()
    await graph.run(inputs, signal, times)
    return { times, ms: performance.now() - start }
  }
  for (let i = 0; i < MAX_WARM_UPS; i++) if ((await run()).times.isWhole) break
  const all: Awaited<ReturnType<typeof run>>[] = []
  for (let i = 0; i < runs; i++) all.push(await run())
  // Random numbers may lead a run along another plan; what follows the plan of the last run is compared.
  const path = pathOf(all.at(-1)!.times)
  const kept = all.filter(({ times }) => pathOf(times).every((step, i) => step === path[i]) && pathOf(times).length === path.length)
  const totals = kept.map(({ ms }) => ms)
  const ms = median(totals)
  const steps: ProfiledStep[] = []
  const programs: ProgramStep[] = []
  addSteps(
    path.map(step => ({ step, times: kept.map(({ times }) => times.steps.get(step)!) })),
    undefined,
    ms,
    steps,
    programs,
  )
  return {
    runs: kept.length,
    ms,
    fastestMs: Math.min(...totals),
    slowestMs: Math.max(...totals),
    arena: {
      plannedBytes: programs.reduce((sum, { executable }) => sum + executable.arenaBytes, 0),
      usedBytes: programs.reduce((sum, { idle }) => sum + (idle[0]?.arenaBytes ?? 0), 0),
    },
    steps,
  }
}

function pathOf({ steps }: RunTimes): readonly Step[] {
  return [...steps.keys()] as Step[]
}

function addSteps(
  measured: readonly Measured[],
  within: number | undefined,
  totalMs: number,
  steps: ProfiledStep[],
  programs: ProgramStep[],
): void {
  const timed = (values: readonly number[]): Pick<ProfiledStep, 'ms' | 'share'> => {
    const ms = median(values)
    return { ms, share: totalMs > 0 ? ms / totalMs : 0 }
  }
  const place = within === undefined ? {} : { within }
  for (const { step, times } of measured) {
    const runs = median(times.map(one => one.runs))
    if (step.kind === 'host') {
      const { op, domain, name } = step.node
      const at = steps.push({
        kind: 'node',
        op: domain === '' ? op : `${domain}.${op}`,
        name,
        ...place,
        runs,
        ...timed(times.map(one => one.ms)),
      })
      const inner = pathOf(times.at(-1)!.inside).map(
        (child): Measured => ({ step: child, times: times.flatMap(({ inside }) => inside.steps.get(child) ?? []) }),
      )
      addSteps(inner, at - 1, totalMs, steps, programs)
      continue
    }
    const number = programs.push(step) - 1
    const { program } = step.segment
    for (const [i, instruction] of program.instructions.entries()) {
      const result = program.buffers[instruction.outputs[0] ?? -1]
      steps.push({
        kind: 'instruction',
        op: instruction.op,
        name: result?.name.replace(/:out$/, '') ?? '',
        program: number,
        ...(result ? { shape: result.shape as readonly number[] } : {}),
        ...costOf(program, instruction),
        ...place,
        runs,
        ...timed(times.map(one => one.seconds![i]! * 1000)),
      })
    }
    const rest = times.map(one => Math.max(0, one.ms - one.seconds!.reduce((sum, value) => sum + value * 1000, 0)))
    steps.push({ kind: 'transfer', op: 'in and out', name: `program ${number + 1}`, program: number, ...place, runs, ...timed(rest) })
  }
}
