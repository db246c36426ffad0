import { HenceError } from '../core/index.ts'
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from '../formats/index.ts'
import { expandFunctions, functionOf } from './expand-functions.ts'
import { type Graph, type GraphNode, labelOf, readBy } from './graph.ts'
import { findOperator } from './operators/index.ts'

/**
 * The graph of an ONNX model: functions replaced by their bodies, nodes sorted, everything checked.
 *
 * @param given - inputs that take the place of their initializers
 * @throws HenceError `GRAPH_INVALID` for cycles, values that nothing or several nodes compute; `OPERATOR_UNSUPPORTED` with
 * every missing operator and how many nodes need it
 */
export function importOnnx(model: OnnxModel, given: ReadonlySet<string> = new Set()): Graph {
  const { name, outputs, initializers, defaults = [] } = model.graph
  const inputs = [...model.graph.inputs, ...defaults.filter(input => given.has(input.name))]
  const constants = given.size === 0 ? initializers : new Map([...initializers].filter(([key]) => !given.has(key)))
  const nodes = expandFunctions(model, model.graph.nodes, model.opsets)
  refuseMissing(model, nodes)
  return sorted({ name, inputs, outputs: outputs.map(output => output.name), nodes, constants, model })
}

/** A body to import, and what it finds around it. */
export interface BodyImport {
  readonly model: OnnxModel
  readonly body: OnnxGraph
  /** In effect for the body's nodes. */
  readonly opsets: ReadonlyMap<string, number>
  /** Values from around it that are given at every run. */
  readonly variables: readonly string[]
  /** Values from around it that never change. */
  readonly constants: ReadonlyMap<string, OnnxTensor>
}

/** A body as a graph of its own, which takes the values around it as further inputs. @throws HenceError as {@link importOnnx} */
export function importBody({ model, body, opsets, variables, constants }: BodyImport): Graph {
  const inputs = [...body.inputs, ...variables.map(name => ({ name, type: undefined }))]
  const outputs = body.outputs.map(({ name }) => name)
  const known = new Map([...constants, ...body.initializers])
  return sorted({ name: body.name, inputs, outputs, nodes: expandFunctions(model, body.nodes, opsets), constants: known, model })
}

function sorted(graph: Graph): Graph {
  return { ...graph, nodes: sortNodes(graph) }
}

function refuseMissing(model: OnnxModel, nodes: readonly OnnxNode[]): void {
  const missing: Record<string, number> = {}
  const entered = new Set<OnnxFunction>()
  const look = (list: readonly OnnxNode[]): void => {
    for (const node of list) {
      const { domain, op, attributes } = node
      // Functions that only bodies call are still there.
      const called = functionOf(model, node)
      if (called && !entered.has(called)) {
        entered.add(called)
        look(called.nodes)
      } else if (!called && !findOperator(domain, op)) {
        const key = `${domain || 'ai.onnx'}.${op}`
        missing[key] = (missing[key] ?? 0) + 1
      }
      for (const attribute of Object.values(attributes)) {
        if (attribute.type === 'graph') look(attribute.value.nodes)
        if (attribute.type === 'graphs') for (const body of attribute.value) look(body.nodes)
      }
    }
  }
  look(nodes)
  const list = Object.entries(missing).sort(([, a], [, b]) => b - a)
  if (list.length === 0) return
  const text = list.map(([name, count]) => `${name} ×${count}`).join(', ')
  throw new HenceError(
    'OPERATOR_UNSUPPORTED',
    `the graph needs ${list.length} operator${list.length > 1 ? 's' : ''} that Hence lacks: ${text}`,
    { missing },
  )
}

/** Nodes in an order in which every value is computed before it is read; the file's own order where it is one. */
function sortNodes(graph: Graph): GraphNode[] {
  const producer = new Map<string, number>()
  const given = new Set([...graph.constants.keys(), ...graph.inputs.map(({ name }) => name)])
  for (const [at, node] of graph.nodes.entries())
    for (const name of node.outputs) {
      if (name === '') continue
      if (producer.has(name) || given.has(name))
        throw new HenceError('GRAPH_INVALID', `${labelOf(node)}: the value "${name}" has another source already`, { value: name })
      producer.set(name, at)
    }
  const waiting: number[] = []
  const readers = new Map<number, number[]>()
  for (const [at, node] of graph.nodes.entries()) {
    const sources = new Set<number>()
    for (const name of readBy(node)) {
      const source = producer.get(name)
      if (source !== undefined) sources.add(source)
      else if (!given.has(name))
        throw new HenceError('GRAPH_INVALID', `${labelOf(node)}: nothing computes its input "${name}"`, {
          node: labelOf(node),
          input: name,
        })
    }
    waiting[at] = sources.size
    for (const source of sources) {
      const list = readers.get(source)
      if (list) list.push(at)
      else readers.set(source, [at])
    }
  }
  for (const name of graph.outputs)
    if (!producer.has(name) && !given.has(name))
      throw new HenceError('GRAPH_INVALID', `nothing computes the output "${name}"`, { output: name })
  const ready = new MinHeap()
  for (const [at, count] of waiting.entries()) if (count === 0) ready.push(at)
  const sorted: GraphNode[] = []
  for (let at = ready.pop(); at !== undefined; at = ready.pop()) {
    sorted.push(graph.nodes[at]!)
    for (const reader of readers.get(at) ?? []) if (--waiting[reader]! === 0) ready.push(reader)
  }
  if (sorted.length < graph.nodes.length) {
    const stuck = graph.nodes.find((_, at) => waiting[at]! > 0)!
    throw new HenceError('GRAPH_INVALID', `${labelOf(stuck)}: its inputs depend on its own outputs`, { node: labelOf(stuck) })
  }
  return sorted
}

/** The smallest of a set of numbers at any time. */
class MinHeap {
  readonly #items: number[] = []

  push(value: number): void {
    const items = this.#items
    let at = items.push(value) - 1
    for (let parent = (at - 1) >> 1; at > 0 && items[parent]! > value; parent = (at - 1) >> 1) {
      items[at] = items[parent]!
      at = parent
    }
    items[at] = value
  }

  pop(): number | undefined {
    const items = this.#items
    const smallest = items[0]
    const last = items.pop()
    if (items.length === 0 || last === undefined) return smallest
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++
      if (child >= items.length || items[child]! >= last) break
      items[at] = items[child]!
      at = child
    }
    items[at] = last
    return smallest
  }
}
