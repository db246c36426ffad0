import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from '../formats/index.ts'
import { Attributes } from './attributes.ts'

/** An operation of a {@link Graph}: names resolved, its operator-set version with it. */
export interface GraphNode {
  /** Unique within the graph. */
  readonly name: string
  /** The empty string is ai.onnx; `hence` is for what rules make of several nodes. */
  readonly domain: string
  readonly op: string
  readonly version: number
  /** Names of values; an input left out is the empty string. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
  /** How messages call it, where a rule made it of nodes of the file: as the first of them. */
  readonly label?: string
  /** Versions for the nodes of its bodies, where they are not those of the model: the node comes from a function. */
  readonly opsets?: ReadonlyMap<string, number>
}

/**
 * A graph on its way to a program: nodes in an order in which every value is computed before it is used. Rules replace
 * nodes and constants; values are known by their names alone.
 */
export interface Graph {
  readonly name: string
  readonly inputs: readonly OnnxValueInfo[]
  readonly outputs: readonly string[]
  readonly nodes: readonly GraphNode[]
  readonly constants: ReadonlyMap<string, OnnxTensor>
  /** What node bodies need to be run: the model's operator-set versions and functions. */
  readonly model: OnnxModel
  /** Of a body: what the graph around it calls the weights they share. */
  readonly weightNames?: WeightNames
}

/** Names for weights that hold for a graph and all bodies in it, so that each is packed once. */
export interface WeightNames {
  /** Stands for all these graphs. */
  readonly owner: object
  /** A name that means this tensor and no other. */
  nameOf(tensor: OnnxTensor, name: string): string
}

/** `Conv "conv1"`: how messages call a node. */
export function labelOf(node: Pick<GraphNode, 'op' | 'name' | 'outputs' | 'label'>): string {
  return node.label ?? `${node.op} "${node.name || node.outputs[0] || ''}"`
}

const attributesByNode = new WeakMap<GraphNode, Attributes>()

/** Typed access to the attributes of a node: one object per node, so that operators can keep what they prepare from it. */
export function attributesOf(node: GraphNode): Attributes {
  const known = attributesByNode.get(node)
  if (known) return known
  const attributes = new Attributes(labelOf(node), node.attributes)
  attributesByNode.set(node, attributes)
  return attributes
}

/** How often each value is read by nodes, bodies of control flow included, and as an output of the graph. */
export function useCounts({ nodes, outputs }: Pick<Graph, 'nodes' | 'outputs'>): Map<string, number> {
  const counts = new Map<string, number>()
  const use = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const node of nodes) for (const name of readBy(node)) use(name)
  for (const name of outputs) use(name)
  return counts
}

/** Every value a node reads: its inputs and what its bodies take from around them. */
export function readBy(node: Pick<OnnxNode, 'inputs' | 'attributes'>): readonly string[] {
  const own = node.inputs.filter(name => name !== '')
  const bodies = bodiesOf(node)
  return bodies.length === 0 ? own : [...own, ...bodies.flatMap(captured)]
}

/** The bodies of a node. */
export function bodiesOf({ attributes }: Pick<OnnxNode, 'attributes'>): readonly OnnxGraph[] {
  return Object.values(attributes).flatMap(attribute =>
    attribute.type === 'graph' ? [attribute.value] : attribute.type === 'graphs' ? attribute.value : [],
  )
}

/** Names a body uses but does not define. */
export function captured(body: OnnxGraph): string[] {
  const defined = new Set([
    ...body.inputs.map(({ name }) => name),
    ...body.initializers.keys(),
    ...body.nodes.flatMap(({ outputs }) => outputs),
  ])
  const read = [...body.nodes.flatMap(readBy), ...body.outputs.map(({ name }) => name)]
  return read.filter(name => name !== '' && !defined.has(name))
}
