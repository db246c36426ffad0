import { HenceError } from '../core/index.ts'
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from '../formats/index.ts'
import { type Graph, type GraphNode, labelOf, readBy } from './graph.ts'
import { findOperator } from './operators/index.ts'

/** Functions may call functions; a model whose functions nest deeper is refused. */
const MAX_FUNCTION_DEPTH = 32
/** Nodes after functions were replaced by their bodies. */
const MAX_NODES = 2_000_000

/**
 * The graph of an ONNX model: functions replaced by their bodies, nodes sorted, everything checked.
 *
 * @throws HenceError `GRAPH_INVALID` for cycles, values that nothing or several nodes compute; `OPERATOR_UNSUPPORTED` with
 * every missing operator and how many nodes need it
 */
export function importOnnx(model: OnnxModel): Graph {
  const nodes = inlineFunctions(model)
  refuseMissing(model, nodes)
  const graph: Graph = {
    name: model.graph.name,
    inputs: model.graph.inputs,
    outputs: model.graph.outputs.map(({ name }) => name),
    nodes,
    constants: model.graph.initializers,
    model,
  }
  return { ...graph, nodes: sortNodes(graph) }
}

function inlineFunctions(model: OnnxModel): GraphNode[] {
  const functions = new Map(model.functions.map(f => [`${f.domain}:${f.name}`, f]))
  const result: GraphNode[] = []
  const names = new Set<string>()
  const add = (node: OnnxNode, opsets: ReadonlyMap<string, number>, depth: number): void => {
    const f = functions.get(`${node.domain}:${node.op}`)
    if (f) {
      if (depth > MAX_FUNCTION_DEPTH)
        throw new HenceError('GRAPH_INVALID', `${labelOf(node)}: functions call each other more than ${MAX_FUNCTION_DEPTH} deep`, {
          node: labelOf(node),
        })
      for (const inner of bodyOf(f, node, `${node.name || node.op}#${result.length}/`)) add(inner, f.opsets, depth + 1)
      return
    }
    if (result.length >= MAX_NODES) throw new HenceError('FILE_LIMIT', `the graph has more than ${MAX_NODES} nodes`, { limit: MAX_NODES })
    let name = node.name || `${node.op}_${result.length}`
    if (names.has(name)) name = `${name}#${result.length}`
    names.add(name)
    const domain = node.domain === 'ai.onnx' ? '' : node.domain
    const version = opsets.get(domain) ?? (domain === '' ? opsets.get('ai.onnx') : undefined) ?? 1
    result.push({ ...node, name, domain, version })
  }
  for (const node of model.graph.nodes) add(node, model.opsets, 0)
  return result
}

/** A function's nodes with the caller's values and attributes; values of its own get names of their own. */
function bodyOf(f: OnnxFunction, call: OnnxNode, prefix: string): OnnxNode[] {
  const given = { ...f.defaults, ...call.attributes }
  const outer = new Map<string, string>([
    ...f.inputs.map((name, i) => [name, call.inputs[i] ?? ''] as const),
    ...f.outputs.map((name, i) => [name, call.outputs[i] || prefix + name] as const),
  ])
  const rename = (name: string): string => (name === '' ? '' : (outer.get(name) ?? prefix + name))
  return f.nodes.map(node => ({
    ...node,
    name: prefix + (node.name || node.op),
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: renameInBodies(resolveReferences(node.attributes, given), rename),
  }))
}

/** Attributes that name one of the enclosing function get its value; those it was not given are left out. */
export function resolveReferences(
  attributes: Readonly<Record<string, OnnxAttribute>>,
  given: Readonly<Record<string, OnnxAttribute>>,
): Record<string, OnnxAttribute> {
  const resolved: Record<string, OnnxAttribute> = {}
  for (const [name, attribute] of Object.entries(attributes)) {
    const value = attribute.type === 'reference' ? given[attribute.value] : attribute
    if (value) resolved[name] = value
  }
  return resolved
}

/** Attributes whose bodies read values of the outside under other names. */
export function renameInBodies(attributes: Record<string, OnnxAttribute>, rename: (name: string) => string): Record<string, OnnxAttribute> {
  const renameBody = (body: OnnxGraph): OnnxGraph => {
    const own = new Set([
      ...body.inputs.map(({ name }) => name),
      ...body.initializers.keys(),
      ...body.nodes.flatMap(({ outputs }) => outputs),
    ])
    const inner = (name: string): string => (own.has(name) ? name : rename(name))
    return {
      ...body,
      nodes: body.nodes.map(node => ({
        ...node,
        inputs: node.inputs.map(inner),
        attributes: renameInBodies({ ...node.attributes }, inner),
      })),
      outputs: body.outputs.map(output => ({ ...output, name: inner(output.name) })),
    }
  }
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => [
      name,
      attribute.type === 'graph'
        ? { ...attribute, value: renameBody(attribute.value) }
        : attribute.type === 'graphs'
          ? { ...attribute, value: attribute.value.map(renameBody) }
          : attribute,
    ]),
  )
}

function refuseMissing(model: OnnxModel, nodes: readonly OnnxNode[]): void {
  const functions = new Set(model.functions.map(f => `${f.domain}:${f.name}`))
  const missing: Record<string, number> = {}
  const look = (list: readonly OnnxNode[]): void => {
    for (const { domain, op, attributes } of list) {
      if (!findOperator(domain, op) && !functions.has(`${domain}:${op}`)) {
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
