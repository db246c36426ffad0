import { HenceError, nearest } from '../../core/index.ts'
import { findCycle } from '../bayes/find-cycle.ts'
import { causalOrder, type MixedGraph } from './mixed-graph.ts'

/** What a {@link CausalGraph} is made of. */
export interface CausalGraphParts {
  /** Names of variables; those that only edges name are added in the order of the edges. */
  readonly variables?: readonly string[]
  /** Arrows, cause first. */
  readonly arrows?: readonly (readonly [cause: string, effect: string])[]
  /** Pairs with an unseen common cause. */
  readonly confounded?: readonly (readonly [string, string])[]
  /** Variables that are part of the story but not of the data. */
  readonly hidden?: readonly string[]
}

/** What no graph that a person argues about comes near; algorithms here are polynomial, not free. */
export const GRAPH_LIMITS = { variables: 10_000, edges: 200_000 } as const

/** Who acts on whom: variables, arrows from causes to effects, and double-headed arrows for common causes nobody measured. */
export class CausalGraph implements MixedGraph {
  /** Names by node. */
  readonly variables: readonly string[]
  readonly parents: readonly (readonly number[])[]
  readonly children: readonly (readonly number[])[]
  readonly spouses: readonly (readonly number[])[]
  /** Nodes that cannot be observed. */
  readonly hidden: ReadonlySet<number>
  /** Nodes, causes before effects. */
  readonly order: readonly number[]
  readonly #nodes: ReadonlyMap<string, number>

  /** @throws HenceError `CAUSAL_GRAPH_INVALID` for cycles (printed), self-loops, empty names; `OPTION_INVALID` for unknown names in `hidden` */
  constructor({ variables = [], arrows = [], confounded = [], hidden = [] }: CausalGraphParts) {
    const nodes = new Map<string, number>()
    const nodeOf = (name: string): number => {
      const known = nodes.get(name)
      if (known !== undefined) return known
      if (name === '') throw new HenceError('CAUSAL_GRAPH_INVALID', 'a variable of a causal graph has no name')
      if (nodes.size >= GRAPH_LIMITS.variables) throw tooLarge('variables')
      nodes.set(name, nodes.size)
      return nodes.size - 1
    }
    if (arrows.length + confounded.length > GRAPH_LIMITS.edges) throw tooLarge('edges')
    for (const name of variables) nodeOf(name)
    const pairsOf = (edges: readonly (readonly [string, string])[]): (readonly [number, number])[] =>
      edges.map(([from, to]) => {
        if (from === to) throw new HenceError('CAUSAL_GRAPH_INVALID', `"${from}" has an edge to itself`, { variable: from })
        return [nodeOf(from), nodeOf(to)]
      })
    const arrowPairs = pairsOf(arrows)
    const spousePairs = pairsOf(confounded)
    this.variables = [...nodes.keys()]
    this.#nodes = nodes
    const size = nodes.size
    this.children = adjacency(size, arrowPairs)
    this.parents = adjacency(
      size,
      arrowPairs.map(([from, to]) => [to, from]),
    )
    this.spouses = adjacency(
      size,
      spousePairs.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]),
    )
    this.order = causalOrder(this)
    if (this.order.length < size) throw cyclic(findCycle(this.children).map(node => this.variables[node]!))
    this.hidden = this.nodes(hidden)
  }

  /** The node of a variable. @throws HenceError `OPTION_INVALID`, with the nearest name */
  node(name: string): number {
    const node = this.#nodes.get(name)
    if (node !== undefined) return node
    const close = nearest(name, this.variables)
    throw new HenceError('OPTION_INVALID', `the causal graph has no variable "${name}"${close ? `; did you mean "${close}"?` : ''}`, {
      variable: name,
      ...(close ? { nearest: close } : {}),
    })
  }

  /** The nodes of variables. @throws HenceError `OPTION_INVALID` */
  nodes(names: string | Iterable<string>): Set<number> {
    return new Set([...(typeof names === 'string' ? [names] : names)].map(name => this.node(name)))
  }

  /** Names of nodes, causes before effects. */
  namesOf(nodes: Iterable<number>): string[] {
    const wanted = new Set(nodes)
    return this.order.filter(node => wanted.has(node)).map(node => this.variables[node]!)
  }

  /** Nodes that can be observed. */
  get observed(): Set<number> {
    return new Set(this.order.filter(node => !this.hidden.has(node)))
  }

  /** The same graph with other variables hidden. @throws HenceError `OPTION_INVALID` */
  withHidden(names: Iterable<string>): CausalGraph {
    return new CausalGraph({ ...this.toParts(), hidden: [...names] })
  }

  /** The graph as plain data; making a graph of it gives an equal one. */
  toParts(): Required<CausalGraphParts> {
    const { variables } = this
    const pairs = (lists: readonly (readonly number[])[]): [string, string][] =>
      lists.flatMap((list, from) => list.map((to): [string, string] => [variables[from]!, variables[to]!]))
    return {
      variables: [...variables],
      arrows: pairs(this.children),
      confounded: pairs(this.spouses.map((list, node) => list.filter(other => other > node))),
      hidden: this.namesOf(this.hidden),
    }
  }
}

/** Neighbours by node, each once, ascending. */
function adjacency(size: number, pairs: readonly (readonly [number, number])[]): number[][] {
  const lists = Array.from({ length: size }, () => new Set<number>())
  for (const [from, to] of pairs) lists[from]!.add(to)
  return lists.map(list => [...list].sort((a, b) => a - b))
}

function cyclic(names: readonly string[]): HenceError {
  const shown = names.length > 12 ? [...names.slice(0, 9), '…', ...names.slice(-2)] : names
  return new HenceError('CAUSAL_GRAPH_INVALID', `the causal graph has a cycle: ${shown.join(' -> ')}`, { cycle: names })
}

function tooLarge(what: keyof typeof GRAPH_LIMITS): HenceError {
  const limit = GRAPH_LIMITS[what]
  return new HenceError('CAUSAL_GRAPH_INVALID', `the causal graph has more than ${limit} ${what}`, { what, limit })
}
