import type { Graph, GraphNode } from '../graph.ts'
import { labelOf, useCounts } from '../graph.ts'
import type { GraphTensor } from '../operator.ts'

/** A graph under rewriting: who computes and who reads each value, and what becomes of nodes and constants. */
export class Rewriter {
  readonly #graph: Graph
  readonly #nodes: (GraphNode | undefined)[]
  readonly #constants: Map<string, GraphTensor>
  readonly #producer = new Map<string, number>()
  readonly #uses: Map<string, number>
  readonly #readers = new Map<string, number[]>()
  #changes = 0

  constructor(graph: Graph) {
    this.#graph = graph
    this.#nodes = [...graph.nodes]
    this.#constants = new Map(graph.constants)
    this.#uses = useCounts(graph)
    for (const [at, node] of graph.nodes.entries()) this.#enter(node, at)
  }

  get nodes(): readonly GraphNode[] {
    return this.#nodes.filter(node => node !== undefined)
  }

  constant(name: string | undefined): GraphTensor | undefined {
    return name ? this.#constants.get(name) : undefined
  }

  /** The node that computes a value; undefined for inputs and constants. */
  producer(name: string | undefined): GraphNode | undefined {
    const at = name ? this.#producer.get(name) : undefined
    return at === undefined ? undefined : this.#nodes[at]
  }

  /** {@link producer} if the value has no other use, so that its node may disappear. */
  onlyProducer(name: string | undefined): GraphNode | undefined {
    return name && this.#uses.get(name) === 1 ? this.producer(name) : undefined
  }

  /** True when nothing but the given nodes reads a value. */
  isReadOnlyBy(name: string, nodes: readonly GraphNode[]): boolean {
    const reads = nodes.flatMap(({ inputs }) => inputs).filter(input => input === name).length
    return this.#uses.get(name) === reads
  }

  /** The node that alone reads a value, if exactly one does and the value is no output of the graph. */
  onlyReader(name: string): GraphNode | undefined {
    if (this.#uses.get(name) !== 1) return undefined
    const at = this.#readers.get(name)?.find(i => this.#nodes[i]?.inputs.includes(name))
    return at === undefined ? undefined : this.#nodes[at]
  }

  /** Adds a constant under a new name made from `name`. */
  addConstant(name: string, tensor: GraphTensor): string {
    let unique = name
    for (let i = 1; this.#constants.has(unique) || this.#producer.has(unique); i++) unique = `${name}~${i}`
    this.#constants.set(unique, tensor)
    return unique
  }

  /** Puts `node` in the place of the last of `old`, which go. */
  replace(old: readonly GraphNode[], node: GraphNode): void {
    const places = old.map(one => this.#nodes.indexOf(one))
    const place = Math.max(...places)
    for (const one of old) this.remove(one)
    const isSame = old.some(({ domain, op }) => domain === node.domain && op === node.op)
    this.#nodes[place] = isSame ? node : { label: labelOf(old[0]!), ...node }
    this.#enter(node, place)
    for (const name of node.inputs) if (name !== '') this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1)
  }

  remove(node: GraphNode): void {
    const at = this.#nodes.indexOf(node)
    if (at < 0) return
    this.#changes++
    this.#nodes[at] = undefined
    for (const name of node.inputs) if (name !== '') this.#uses.set(name, this.#uses.get(name)! - 1)
    for (const name of node.outputs) if (this.#producer.get(name) === at) this.#producer.delete(name)
  }

  /** The graph as it is now; the old one when nothing changed. */
  finish(): Graph {
    if (this.#changes === 0) return this.#graph
    return { ...this.#graph, nodes: this.nodes, constants: this.#constants }
  }

  #enter(node: GraphNode, at: number): void {
    for (const name of node.outputs) if (name !== '') this.#producer.set(name, at)
    for (const name of node.inputs) {
      const list = this.#readers.get(name)
      if (list) list.push(at)
      else if (name !== '') this.#readers.set(name, [at])
    }
  }
}
