import { HenceError } from '../core/index.ts'
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from '../formats/index.ts'
import { type GraphNode, labelOf } from './graph.ts'

/** Functions may call functions; a model whose functions nest deeper is refused. */
const MAX_FUNCTION_DEPTH = 32
/** Nodes after functions were replaced by their bodies. */
const MAX_NODES = 2_000_000

const tables = new WeakMap<readonly OnnxFunction[], ReadonlyMap<string, OnnxFunction>>()

/** The function of a model that a node calls; the overload is a part of its name. */
export function functionOf({ functions }: Pick<OnnxModel, 'functions'>, node: OnnxNode): OnnxFunction | undefined {
  if (functions.length === 0) return undefined
  let table = tables.get(functions)
  if (!table) {
    table = new Map(functions.map(f => [keyOf(f.domain, f.name, f.overload), f]))
    tables.set(functions, table)
  }
  return table.get(keyOf(node.domain, node.op, node.overload))
}

function keyOf(domain: string, name: string, overload = ''): string {
  return JSON.stringify([domain, name, overload])
}

/**
 * Nodes of a graph or body, those that call functions replaced by the nodes of these, with the operator-set version of each.
 *
 * @param opsets - in effect for the nodes
 */
export function expandFunctions(model: OnnxModel, nodes: readonly OnnxNode[], opsets: ReadonlyMap<string, number>): GraphNode[] {
  const result: GraphNode[] = []
  const names = new Set<string>()
  const add = (node: OnnxNode, own: ReadonlyMap<string, number>, depth: number): void => {
    const f = functionOf(model, node)
    if (f) {
      if (depth > MAX_FUNCTION_DEPTH)
        throw new HenceError('GRAPH_INVALID', `${labelOf(node)}: functions call each other more than ${MAX_FUNCTION_DEPTH} deep`, {
          node: labelOf(node),
        })
      for (const inner of callFunction(f, node, `${node.name || node.op}#${result.length}/`)) add(inner, f.opsets, depth + 1)
      return
    }
    if (result.length >= MAX_NODES) throw new HenceError('FILE_LIMIT', `the graph has more than ${MAX_NODES} nodes`, { limit: MAX_NODES })
    let name = node.name || `${node.op}_${result.length}`
    if (names.has(name)) name = `${name}#${result.length}`
    names.add(name)
    const domain = node.domain === 'ai.onnx' ? '' : node.domain
    const version = own.get(domain) ?? (domain === '' ? own.get('ai.onnx') : undefined) ?? 1
    result.push({ ...node, name, domain, version, ...(own === model.opsets ? {} : { opsets: own }) })
  }
  for (const node of nodes) add(node, opsets, 0)
  return result
}

/** A function's nodes with the caller's values and attributes; values of its own get names of their own. */
function callFunction(f: OnnxFunction, call: OnnxNode, prefix: string): OnnxNode[] {
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

/**
 * Attributes that name one of the enclosing function get its value, within bodies too; those it was not given are left
 * out.
 */
export function resolveReferences(
  attributes: Readonly<Record<string, OnnxAttribute>>,
  given: Readonly<Record<string, OnnxAttribute>>,
): Record<string, OnnxAttribute> {
  const resolved: Record<string, OnnxAttribute> = {}
  for (const [name, attribute] of Object.entries(attributes)) {
    const value = attribute.type === 'reference' ? given[attribute.value] : attribute
    if (value) resolved[name] = value
  }
  return mapBodies(resolved, body => ({
    ...body,
    nodes: body.nodes.map(node => ({ ...node, attributes: resolveReferences(node.attributes, given) })),
  }))
}

/** Attributes whose bodies read values of the outside under other names. */
export function renameInBodies(
  attributes: Readonly<Record<string, OnnxAttribute>>,
  rename: (name: string) => string,
): Record<string, OnnxAttribute> {
  return mapBodies(attributes, body => {
    const own = new Set([
      ...body.inputs.map(({ name }) => name),
      ...body.initializers.keys(),
      ...body.nodes.flatMap(({ outputs }) => outputs),
    ])
    const inner = (name: string): string => (own.has(name) ? name : rename(name))
    return {
      ...body,
      nodes: body.nodes.map(node => ({ ...node, inputs: node.inputs.map(inner), attributes: renameInBodies(node.attributes, inner) })),
      outputs: body.outputs.map(output => ({ ...output, name: inner(output.name) })),
    }
  })
}

/** Attributes with every body replaced. */
function mapBodies(
  attributes: Readonly<Record<string, OnnxAttribute>>,
  change: (body: OnnxGraph) => OnnxGraph,
): Record<string, OnnxAttribute> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => [
      name,
      attribute.type === 'graph'
        ? { ...attribute, value: change(attribute.value) }
        : attribute.type === 'graphs'
          ? { ...attribute, value: attribute.value.map(change) }
          : attribute,
    ]),
  )
}
