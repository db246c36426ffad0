import type { Backend } from '../backends/index.ts'
import { breathe, HenceError, mayHoldLoop, releaseData, throwIfAborted } from '../core/index.ts'
import type { Graph, GraphNode } from './graph.ts'
import type { GraphOptions } from './graph-options.ts'
import { type InlinedBranch, inlineBranch } from './inline-branch.ts'
import type { OuterScope } from './interpreter.ts'
import { LayeredConstants } from './layered-constants.ts'
import type { GraphTensor, Value } from './operator.ts'
import { runHostStep, runProgramStep } from './run-step.ts'
import type { RunTimes } from './run-times.ts'
import { type Fork, isTrue, type Stage, typeKey } from './stage.ts'
import { Tracer } from './tracer.ts'

/** Sets of input shapes whose plans are kept. */
const MAX_PLANS = 32
/** Sizes met at one branch whose plans are kept. */
const MAX_BRANCHES = 32

/** The name of a node whose results had other sizes than planned. */
interface Unsteady {
  readonly unsteady: string
}

/**
 * A graph that runs as programs. It is planned for the shapes of its inputs when they are first met; where a size comes
 * out of the data, planning goes on from there. Runs may overlap.
 */
export class CompiledGraph {
  readonly graph: Graph
  readonly backend: Backend
  readonly options: GraphOptions
  readonly #isBody: boolean
  /** Nodes whose results turned out to have other sizes than when they were planned. */
  readonly #unsteady = new Set<string>()
  readonly #plans = new Map<string, Stage>()
  readonly #planning = new Map<string, Promise<unknown>>()
  readonly #retired: Stage[] = []
  readonly #companions: (() => void)[] = []
  #running = 0

  /** @param isBody - runs once for every iteration, so that even small costs of a step count */
  constructor(graph: Graph, backend: Backend, options: GraphOptions = {}, isBody = false) {
    this.graph = graph
    this.backend = backend
    this.options = options
    this.#isBody = isBody
  }

  /** The first stage planned for each set of input types. */
  get plans(): ReadonlyMap<string, Stage> {
    return this.#plans
  }

  /**
   * The graph's outputs, in order.
   *
   * @param times - gets what each step took
   * @throws HenceError of operators, `ABORTED`, `OUT_OF_MEMORY`
   */
  async run(inputs: ReadonlyMap<string, Value>, signal?: AbortSignal, times?: RunTimes): Promise<Value[]> {
    this.#running++
    try {
      // Steps may all be computed here, one run after the other; bodies are parts of a run.
      if (!this.#isBody && !mayHoldLoop()) await breathe()
      for (;;) {
        const results = await this.#runOnce(inputs, signal, times)
        if (Array.isArray(results)) return results
        // A size that was thought fixed was not: the node ends a stage from now on.
        this.#unsteady.add(results.unsteady)
        this.#dropPlans()
      }
    } finally {
      this.#running--
      this.#freeRetired()
    }
  }

  async #runOnce(
    inputs: ReadonlyMap<string, Value>,
    signal: AbortSignal | undefined,
    times: RunTimes | undefined,
  ): Promise<Value[] | Unsteady> {
    const values = new Map(inputs)
    const constants = new LayeredConstants(this.graph.constants)
    let stages = this.#plans
    let most = MAX_PLANS
    let fork: Fork | undefined = { kind: 'types', values: this.graph.inputs.map(({ name }) => name) }
    let nodes: readonly GraphNode[] = this.graph.nodes
    let path = ''
    while (fork) {
      const key = forkKey(fork, values, constants)
      path += `/${key}`
      let stage = await this.#find(stages, key, path)
      if (stage) {
        // The most recently used plan is the last to go.
        stages.delete(key)
        stages.set(key, stage)
        const unsteady = await this.#follow(stage, values, constants, signal, times)
        if (unsteady) return unsteady
      } else {
        times?.unplanned()
        const branch = fork.kind === 'condition' && inlineBranch(fork.node, key === 'true', this.graph.model)
        const todo = branch ? { ...branch, nodes: [...branch.nodes, ...nodes] } : { nodes, constants: new Map() }
        stage = await this.#trace(todo, path, values, constants.flat(), signal)
        stages.set(key, stage)
        if (stages.size > most) {
          const [oldest, dropped] = stages.entries().next().value!
          stages.delete(oldest)
          this.#retired.push(dropped)
        }
        constants.add(stage.constants)
      }
      ;({ fork, rest: nodes, next: stages } = stage)
      most = MAX_BRANCHES
    }
    return this.graph.outputs.map(name => {
      const known = constants.get(name)
      // What belongs to the plan or the file must not reach a caller who may write to it.
      const value = values.get(name) ?? (known && ({ ...known, data: known.data.slice() } as GraphTensor))
      if (!value) throw new HenceError('GRAPH_INVALID', `nothing computes the output "${name}"`, { output: name })
      return value
    })
  }

  /** Runs a stage as it was planned. */
  async #follow(
    stage: Stage,
    values: Map<string, Value>,
    constants: LayeredConstants,
    signal: AbortSignal | undefined,
    times: RunTimes | undefined,
  ): Promise<Unsteady | undefined> {
    constants.add(stage.constants)
    for (const step of stage.steps) {
      throwIfAborted(signal)
      const own = times?.of(step)
      const start = own ? performance.now() : 0
      const results =
        step.kind === 'program'
          ? await runProgramStep(step, values, signal, own?.seconds)
          : await runHostStep(step.node, this.graph, values, constants, {
              ...this.options,
              signal,
              bodies: step.bodies,
              times: own?.inside,
            })
      if (own) {
        own.ms += performance.now() - start
        own.runs++
      }
      if (step.kind === 'host') {
        if (step.results !== '' && typeKey(results!) !== step.results) return { unsteady: step.node.name }
      }
      for (const name of step.frees) values.delete(name)
    }
    return undefined
  }

  /** Plans a stage while running it. */
  async #trace(
    todo: InlinedBranch,
    path: string,
    values: Map<string, Value>,
    constants: ReadonlyMap<string, GraphTensor>,
    signal: AbortSignal | undefined,
  ): Promise<Stage> {
    const tracer = new Tracer(this.graph, this.backend, this.options, {
      isBody: this.#isBody,
      isUnsteady: name => this.#unsteady.has(name),
      prepareBody: body => new CompiledGraph(body, this.backend, this.options, true),
    })
    const tracing = tracer.trace(todo, values, constants, signal)
    this.#planning.set(path, tracing)
    try {
      const stage = await tracing
      this.#releaseWeights(stage)
      return stage
    } finally {
      this.#planning.delete(path)
    }
  }

  /** The backend has packed what programs read; numbers that only they read are let go. */
  #releaseWeights({ steps }: Stage): void {
    const read = new Set(steps.flatMap(step => (step.kind === 'host' ? step.node.inputs : [])))
    for (const [name, tensor] of this.graph.constants) if (!read.has(name)) releaseData(tensor)
  }

  /** The plan, once another run that is just making it is done. */
  async #find(stages: ReadonlyMap<string, Stage>, key: string, path: string): Promise<Stage | undefined> {
    while (!stages.has(key) && this.#planning.has(path)) await this.#planning.get(path)!.catch(() => {})
    return stages.get(key)
  }

  /** Calls `act` when the graph is disposed of. */
  onDispose(act: () => void): void {
    this.#companions.push(act)
  }

  /** Frees all plans; they are made again when needed. */
  dispose(): void {
    for (const act of this.#companions) act()
    this.#dropPlans()
  }

  #dropPlans(): void {
    this.#retired.push(...this.#plans.values())
    this.#plans.clear()
    this.#freeRetired()
  }

  /** Plans that were dropped go when no run can be following them any more. */
  #freeRetired(): void {
    if (this.#running > 0) return
    for (const stage of this.#retired.splice(0)) disposeStage(stage)
  }
}

function forkKey(fork: Fork, values: ReadonlyMap<string, Value>, constants: OuterScope): string {
  const find = (name: string): Value | undefined => values.get(name) ?? constants.get(name)
  return fork.kind === 'types' ? typeKey(fork.values.map(find)) : String(isTrue(find(fork.node.inputs[0]!)))
}

function disposeStage(stage: Stage): void {
  for (const step of stage.steps) {
    if (step.kind === 'host') {
      step.bodies?.dispose()
      continue
    }
    for (const execution of step.idle.splice(0)) execution.dispose()
    step.executable.dispose()
  }
  for (const next of stage.next.values()) disposeStage(next)
}
