import type { Backend, Executable, WeightProvider } from '../backends/index.ts'
import { isHenceError, throwIfAborted } from '../core/index.ts'
import { costOf, type Program } from '../program/index.ts'
import { BodyRunner, type RunnableGraph } from './body-runner.ts'
import { hasDynamicResults } from './dynamic-nodes.ts'
import { bodiesOf, captured, type Graph, type GraphNode, readBy, useCounts } from './graph.ts'
import type { GraphOptions } from './graph-options.ts'
import { type InlinedBranch, inlineBranch } from './inline-branch.ts'
import { type KnownValue, LoweringContext } from './lowering/context.ts'
import { findLowering } from './lowering/index.ts'
import { type FinishedSegment, Segment } from './lowering/segment.ts'
import type { GraphTensor, Value } from './operator.ts'
import { isFoldable } from './rules/fold-constants.ts'
import { runHostStep, runProgramStep } from './run-step.ts'
import { type Fork, isTrue, type ProgramStep, type Stage, type Step, tensorType, typeKey } from './stage.ts'

let nextId = 0

/** Programs of bodies that touch fewer bytes than this take longer to start than their nodes take one by one. */
const SMALLEST_BODY_BYTES = 2048

function isSmall(program: Program): boolean {
  return program.instructions.reduce((sum, instruction) => sum + costOf(program, instruction).bytes, 0) < SMALLEST_BODY_BYTES
}

/** What a tracer is told by whoever keeps its plans. */
export interface TracerSettings {
  /** The graph runs once for every iteration, so that even small costs of a step count. */
  readonly isBody: boolean
  /** True for nodes whose results turned out to have other sizes than when they were planned. */
  isUnsteady(node: string): boolean
  /** Makes the body of a node ready to run. */
  prepareBody(body: Graph): RunnableGraph
}

/**
 * Plans a stage of a graph while running it for the first time, so that the sizes of everything are known from the values
 * themselves: a node whose operands are all known is computed once and for all, one that has instructions joins the
 * program in the making, any other runs by its definition between programs.
 */
export class Tracer {
  readonly #graph: Graph
  readonly #backend: Backend
  readonly #options: GraphOptions
  readonly #settings: TracerSettings
  readonly #id = nextId++
  readonly #steps: Step[] = []
  readonly #folded = new Map<string, GraphTensor>()
  #segment: Segment | undefined
  /** The nodes of the program in the making. */
  readonly #lowered: GraphNode[] = []
  #remaining = new Map<string, number>()
  #computedWith: ReadonlySet<string> = new Set()

  constructor(graph: Graph, backend: Backend, options: GraphOptions, settings: TracerSettings) {
    this.#graph = graph
    this.#backend = backend
    this.#options = options
    this.#settings = settings
  }

  /** Runs nodes, with constants of their own; their results join `values`. */
  async trace(
    { nodes, constants: added }: InlinedBranch,
    values: Map<string, Value>,
    known: ReadonlyMap<string, GraphTensor>,
    signal?: AbortSignal,
  ): Promise<Stage> {
    const constants = new Map(known)
    for (const [name, tensor] of added) this.#addConstant(name, tensor, constants)
    let queue = nodes
    this.#remaining = useCounts({ nodes, outputs: this.#graph.outputs })
    this.#computedWith = computedWith(nodes)
    for (let at = 0; at < queue.length; at++) {
      throwIfAborted(signal)
      const node = queue[at]!
      if ((await this.#fold(node, values, constants, signal)) || this.#lower(node, values, constants)) {
        this.#markRead(node)
        continue
      }
      if (node.domain === '' && node.op === 'If') {
        const condition = constants.get(node.inputs[0]!)
        if (!condition) {
          await this.#flush(values, constants, signal)
          return this.#stage(queue.slice(at + 1), { kind: 'condition', node })
        }
        const branch = inlineBranch(node, isTrue(condition), this.#graph.model)
        for (const [name, tensor] of branch.constants) this.#addConstant(name, tensor, constants)
        queue = [...branch.nodes, ...queue.slice(at + 1)]
        at = -1
        this.#remaining = useCounts({ nodes: queue, outputs: this.#graph.outputs })
        this.#computedWith = computedWith(queue)
        continue
      }
      if (readBy(node).some(name => this.#segment?.values.has(name) && !values.has(name))) await this.#flush(values, constants, signal)
      const bodies = this.#bodiesOf(node, constants)
      const results = await runHostStep(node, this.#graph, values, constants, { ...this.#options, signal, bodies })
      this.#markRead(node)
      const isDynamic = this.#settings.isUnsteady(node.name) || hasDynamicResults(node, name => constants.has(name))
      this.#steps.push({ kind: 'host', node, bodies, results: isDynamic ? '' : typeKey(results), frees: this.#unread(values) })
      if (!isDynamic || at === queue.length - 1) continue
      await this.#flush(values, constants, signal)
      return this.#stage(queue.slice(at + 1), { kind: 'types', values: node.outputs.filter(name => name !== '') })
    }
    await this.#flush(values, constants, signal)
    return this.#stage([])
  }

  #stage(rest: readonly GraphNode[], fork?: Fork): Stage {
    return { steps: this.#steps, constants: this.#folded, rest, next: new Map(), ...(fork ? { fork } : {}) }
  }

  #addConstant(name: string, tensor: GraphTensor, constants: Map<string, GraphTensor>): void {
    constants.set(name, tensor)
    this.#folded.set(name, tensor)
  }

  /** Computes a node whose result does not depend on the data. */
  async #fold(node: GraphNode, values: Map<string, Value>, constants: Map<string, GraphTensor>, signal?: AbortSignal): Promise<boolean> {
    let operands: ReadonlyMap<string, Value> = constants
    if (node.domain === '' && (node.op === 'Shape' || node.op === 'Size')) {
      const type = this.#typeOf(node.inputs[0]!, values, constants)
      if (!type) return false
      // Only the shape is looked at.
      operands = new Map<string, Value>([[node.inputs[0]!, { ...type, data: [] } as unknown as GraphTensor]])
    } else if (!isFoldable(node, name => constants.has(name))) return false
    const results = new Map<string, Value>()
    await runHostStep(node, this.#graph, results, operands, { ...this.#options, signal })
    if (![...results.values()].every(value => 'data' in value)) return false
    for (const [name, value] of results) this.#addConstant(name, value as GraphTensor, constants)
    return true
  }

  #typeOf(name: string, values: ReadonlyMap<string, Value>, constants: ReadonlyMap<string, GraphTensor>) {
    return constants.get(name) ?? tensorType(values.get(name)) ?? this.#segment?.values.get(name)
  }

  /** Adds a node to the program in the making. */
  #lower(node: GraphNode, values: ReadonlyMap<string, Value>, constants: ReadonlyMap<string, GraphTensor>): boolean {
    const lowering = findLowering(node)
    if (!lowering) return false
    this.#segment ??= new Segment(this.#graph.name)
    const segment = this.#segment
    const lookup = (name: string): KnownValue | undefined => {
      const tensor = constants.get(name)
      if (tensor) return { kind: 'constant', tensor, key: this.#weightKey(name, tensor) }
      if (segment.values.has(name)) return { kind: 'pending' }
      const type = tensorType(values.get(name))
      return type && { kind: 'host', type }
    }
    const uses = (name: string): number => this.#remaining.get(name) ?? 0
    const context = new LoweringContext(node, segment, this.#options.precision ?? 'exact', lookup, uses, name =>
      this.#computedWith.has(name),
    )
    const isLowered = isTaken(() => lowering(context))
    if (isLowered) this.#lowered.push(node)
    else segment.forget(node.outputs)
    return isLowered
  }

  #weightKey(name: string, tensor: GraphTensor): string {
    const { constants, weightNames } = this.#graph
    // What was folded for these shapes is shared with no other plan.
    if (constants.get(name) !== tensor) return `${name}#${this.#id}`
    return weightNames?.nameOf(tensor, name) ?? name
  }

  /** What runs the bodies of a node. */
  #bodiesOf(node: GraphNode, constants: ReadonlyMap<string, GraphTensor>): BodyRunner | undefined {
    const bodies = bodiesOf(node)
    if (bodies.length === 0) return undefined
    const known = new Map(bodies.flatMap(captured).flatMap(name => (constants.has(name) ? [[name, constants.get(name)!]] : [])))
    return new BodyRunner(node, this.#graph, known, this.#settings.prepareBody)
  }

  #markRead(node: GraphNode): void {
    for (const name of readBy(node)) this.#remaining.set(name, this.#remaining.get(name)! - 1)
  }

  /** Values nothing will read any more; they are let go. */
  #unread(values: Map<string, Value>): string[] {
    const names = [...values.keys()].filter(name => (this.#remaining.get(name) ?? 0) === 0)
    // What the program in the making takes in stays until it has run.
    const unread = names.filter(name => !this.#segment?.takes(name))
    for (const name of unread) values.delete(name)
    return unread
  }

  /** Compiles and runs the program in the making. */
  async #flush(values: Map<string, Value>, constants: ReadonlyMap<string, GraphTensor>, signal: AbortSignal | undefined): Promise<void> {
    const segment = this.#segment
    const nodes = this.#lowered.splice(0)
    this.#segment = undefined
    if (!segment || segment.values.size === 0) return
    const { weights, ...finished } = segment.finish(name => (this.#remaining.get(name) ?? 0) > 0)
    if (finished.outputs.length === 0) return
    if (this.#settings.isBody && isSmall(finished.program)) {
      for (const [i, node] of nodes.entries()) {
        const results = typeKey(await runHostStep(node, this.#graph, values, constants, { ...this.#options, signal }))
        this.#steps.push({ kind: 'host', node, results, frees: i === nodes.length - 1 ? this.#unread(values) : [] })
      }
      return
    }
    const step: Omit<ProgramStep, 'frees'> = {
      kind: 'program',
      segment: finished,
      executable: await this.#compile(finished.program, weights, signal),
      idle: [],
    }
    await runProgramStep({ ...step, frees: [] }, values, signal)
    this.#steps.push({ ...step, frees: this.#unread(values) })
  }

  #compile(program: Program, weights: FinishedSegment['weights'], signal: AbortSignal | undefined): Promise<Executable> {
    const provider: WeightProvider = { tensors: weights, files: [], shared: this.#graph.weightNames?.owner ?? this.#graph }
    return this.#backend.compile(program, provider, { precision: this.#options.precision ?? 'exact', limits: {}, signal })
  }
}

/** False also for what instructions refuse to hold, such as a negative stride: the definition says what is wrong with it. */
function isTaken(lower: () => boolean): boolean {
  try {
    return lower()
  } catch (error) {
    if (isHenceError(error, 'PROGRAM_INVALID')) return false
    throw error
  }
}

/** Operators that only rename or reshape a value. */
const RENAMING: ReadonlySet<string> = new Set(['Cast', 'Flatten', 'Gather', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'])

/** The values that reach a node with instructions of its own. */
function computedWith(nodes: readonly GraphNode[]): ReadonlySet<string> {
  const found = new Set<string>()
  for (const node of [...nodes].reverse()) {
    const isBranch = node.domain === '' && node.op === 'If'
    if (!findLowering(node) && !isBranch) continue
    if (RENAMING.has(node.op) && !node.outputs.some(name => found.has(name))) continue
    // What a branch takes in from around it is most likely for instructions of its own.
    for (const name of isBranch ? readBy(node) : node.inputs) found.add(name)
  }
  return found
}
