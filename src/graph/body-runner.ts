import { HenceError } from '../core/index.ts'
import type { OnnxGraph, OnnxTensor } from '../formats/index.ts'
import { captured, type Graph, type GraphNode, type WeightNames } from './graph.ts'
import { importBody } from './import-onnx.ts'
import type { GraphTensor, Value } from './operator.ts'
import { optimize } from './optimize.ts'
import type { RunTimes } from './run-times.ts'
import { type Bodies, type BodySurroundings, typeKey } from './stage.ts'

/** Types of operands that a body is planned for; others are interpreted. */
const MAX_PLANNED = 32
/** Types remembered as met once. */
const MAX_MET = 1024

/** A body made ready to run. */
export interface RunnableGraph {
  run(inputs: ReadonlyMap<string, Value>, signal?: AbortSignal, times?: RunTimes): Promise<readonly Value[]>
  dispose(): void
}

interface CompiledBody {
  readonly graph: RunnableGraph
  readonly variables: readonly string[]
  readonly met: Set<string>
  readonly planned: Set<string>
}

/**
 * Runs the bodies of a node as graphs of their own: planned once for the types of their operands, then followed at every
 * iteration. Types met for the first time are interpreted, so that a body that runs once, or whose operands grow with every
 * iteration, is not planned in vain.
 */
export class BodyRunner implements Bodies {
  readonly #node: GraphNode
  readonly #outer: Graph
  readonly #known: ReadonlyMap<string, GraphTensor>
  readonly #prepare: (graph: Graph) => RunnableGraph
  readonly #bodies = new Map<OnnxGraph, Promise<CompiledBody>>()

  /**
   * @param known - values around the node that do not depend on the data
   * @param prepare - makes a graph ready to run
   */
  constructor(node: GraphNode, outer: Graph, known: ReadonlyMap<string, GraphTensor>, prepare: (graph: Graph) => RunnableGraph) {
    this.#node = node
    this.#outer = outer
    this.#known = known
    this.#prepare = prepare
  }

  async run(body: OnnxGraph, inputs: readonly Value[], around: BodySurroundings): Promise<readonly Value[]> {
    let compiling = this.#bodies.get(body)
    if (!compiling) {
      compiling = this.#compile(body)
      this.#bodies.set(body, compiling)
    }
    const { graph, variables, met, planned } = await compiling
    const values = new Map<string, Value>()
    for (const name of variables) {
      const value = around.get(name)
      if (!value) throw new HenceError('GRAPH_INVALID', `nothing computes "${name}", which a body reads`, { value: name })
      values.set(name, value)
    }
    for (const [i, { name }] of body.inputs.entries()) if (inputs[i]) values.set(name, inputs[i])
    const key = typeKey([...values.values()])
    if (!planned.has(key)) {
      if (!met.has(key) || planned.size >= MAX_PLANNED) {
        if (met.size >= MAX_MET) met.clear()
        met.add(key)
        around.times?.unplanned()
        return around.interpret(body, inputs)
      }
      planned.add(key)
    }
    return graph.run(values, around.signal, around.times)
  }

  async #compile(body: OnnxGraph): Promise<CompiledBody> {
    const { model } = this.#outer
    const names = [...new Set(captured(body))]
    const constants = new Map(names.flatMap(name => (this.#known.has(name) ? [[name, this.#known.get(name)!] as const] : [])))
    const variables = names.filter(name => !constants.has(name))
    const imported = importBody({ model, body, opsets: this.#node.opsets ?? model.opsets, variables, constants })
    const graph = { ...(await optimize(imported)), weightNames: weightNamesFor(this.#outer, body) }
    return { graph: this.#prepare(graph), variables, met: new Set(), planned: new Set() }
  }

  dispose(): void {
    for (const compiling of this.#bodies.values()) void compiling.then(({ graph }) => graph.dispose()).catch(() => {})
    this.#bodies.clear()
  }
}

let bodies = 0
let compilations = 0
const bodyNumbers = new WeakMap<OnnxGraph, number>()

/** Names of weights in a body: those of the graph around it, and of the body's own that are the same in every plan. */
function weightNamesFor(outer: Graph, body: OnnxGraph): WeightNames {
  const own = new Map<OnnxTensor, string>()
  const number = bodyNumbers.get(body) ?? bodies++
  bodyNumbers.set(body, number)
  for (const [name, tensor] of outer.constants) own.set(tensor, outer.weightNames?.nameOf(tensor, name) ?? name)
  for (const [name, tensor] of body.initializers) own.set(tensor, `${name}@${number}`)
  // What rules made of constants may differ from plan to plan.
  const suffix = `#body${compilations++}`
  return { owner: outer.weightNames?.owner ?? outer, nameOf: (tensor, name) => own.get(tensor) ?? name + suffix }
}
