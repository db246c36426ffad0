import { type CompiledGraph, printGraph, type Stage } from '../graph/index.ts'
import { costOf, printProgram } from '../program/index.ts'
import { leastMs, type MachineSpeed, type WorkCost } from './machine-speed.ts'

/** One program or one node of a plan. */
export type PlanStep =
  | {
      readonly kind: 'program'
      readonly instructions: number
      readonly nativeInstructions: number
      readonly arenaBytes: number
      readonly weightBytes: number
      /** The program as text. */
      readonly program: string
      /** Least time this machine takes for it; absent where nothing was measured. */
      readonly predictedMs?: number
    }
  | {
      readonly kind: 'host'
      readonly op: string
      readonly node: string
      readonly inputs: readonly string[]
      readonly outputs: readonly string[]
    }

/** How a graph runs for one set of input shapes. */
export interface PlanReport {
  readonly backend: string
  readonly threads: number
  readonly shapes: Readonly<Record<string, readonly number[]>>
  /** The graph as text, once rules were applied. */
  readonly graph: string
  /** null without the native backend or when measuring was not wanted. */
  readonly speed: MachineSpeed | null
  /** The sum of all predictions. */
  readonly predictedMs: number | null
  /** Stages end where a size comes out of the data; their steps in order. */
  readonly stages: readonly { readonly steps: readonly PlanStep[]; readonly constants: number }[]
  /** Nodes once rules were applied. */
  readonly nodes: number
  readonly programs: number
  readonly hostNodes: number
  readonly instructions: number
  /** Share of instructions that the backend's own kernels run; the others and host nodes run as TypeScript. */
  readonly nativeShare: number
  /** The largest arena, since programs follow each other, and all of them together. */
  readonly largestArenaBytes: number
  readonly arenaBytes: number
  readonly weightBytes: number
}

/** Describes the plan of a graph that was run for one set of shapes, with what the machine allows as `measure` finds it. */
export async function planReport(
  graph: CompiledGraph,
  backend: { readonly name: string; readonly threads: number },
  shapes: Readonly<Record<string, readonly number[]>>,
  measure: (bytes: number) => Promise<MachineSpeed | null>,
): Promise<PlanReport> {
  const planned: Stage[] = []
  for (let stage = first(graph.plans); stage; stage = first(stage.next)) planned.push(stage)
  const costs = planned.flatMap(costsOf)
  const speed = await measure(costs.reduce((total, { bytes }) => total + bytes, 0))
  const stages = planned.map(stage => ({ steps: stepsOf(stage, speed), constants: stage.constants.size }))
  const steps = stages.flatMap(stage => stage.steps)
  const programs = steps.filter(step => step.kind === 'program')
  const sum = (value: (step: (typeof programs)[number]) => number): number => programs.reduce((total, step) => total + value(step), 0)
  const instructions = sum(step => step.instructions)
  return {
    backend: backend.name,
    threads: backend.threads,
    shapes,
    graph: printGraph(graph.graph),
    speed,
    predictedMs: speed && costs.reduce((total, cost) => total + leastMs(cost, speed), 0),
    stages,
    nodes: graph.graph.nodes.length,
    programs: programs.length,
    hostNodes: steps.length - programs.length,
    instructions,
    nativeShare: instructions > 0 ? sum(step => step.nativeInstructions) / instructions : 0,
    largestArenaBytes: programs.reduce((most, step) => Math.max(most, step.arenaBytes), 0),
    arenaBytes: sum(step => step.arenaBytes),
    weightBytes: sum(step => step.weightBytes),
  }
}

function first(stages: ReadonlyMap<string, Stage>): Stage | undefined {
  return stages.values().next().value
}

/** What the instructions of a stage cost. */
function costsOf({ steps }: Pick<Stage, 'steps'>): WorkCost[] {
  const programs = steps.flatMap(step => (step.kind === 'program' ? [step.segment.program] : []))
  return programs.flatMap(program => program.instructions.map(instruction => costOf(program, instruction)))
}

function stepsOf(stage: Stage, speed: MachineSpeed | null): PlanStep[] {
  return stage.steps.map((step): PlanStep => {
    if (step.kind === 'host') {
      const { op, domain, name, inputs, outputs } = step.node
      return { kind: 'host', op: domain === '' ? op : `${domain}.${op}`, node: name, inputs, outputs }
    }
    const { executable, segment } = step
    const instructions = segment.program.instructions.length
    return {
      kind: 'program',
      instructions,
      nativeInstructions: Math.round(instructions * executable.kernelShare),
      arenaBytes: executable.arenaBytes,
      weightBytes: executable.weightBytes,
      program: printProgram(segment.program),
      ...(speed ? { predictedMs: costsOf({ steps: [step] }).reduce((sum, cost) => sum + leastMs(cost, speed), 0) } : {}),
    }
  })
}
