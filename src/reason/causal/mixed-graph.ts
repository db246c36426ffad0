/**
 * Edges between numbered nodes: arrows and double-headed arrows. Nodes without edges are there but touch nothing, so cutting
 * edges or keeping some of the nodes never renumbers them.
 */
export interface MixedGraph {
  /** For each node those with an arrow into it. */
  readonly parents: readonly (readonly number[])[]
  /** For each node those it has an arrow into. */
  readonly children: readonly (readonly number[])[]
  /** For each node those at the other end of a double-headed arrow: an unseen common cause. */
  readonly spouses: readonly (readonly number[])[]
}

/** The graph without arrowheads at `nodes`: what an intervention on them leaves. */
export function withoutEdgesInto(graph: MixedGraph, nodes: ReadonlySet<number>): MixedGraph {
  const keep = (list: readonly number[]): readonly number[] => list.filter(node => !nodes.has(node))
  return {
    parents: graph.parents.map((list, node) => (nodes.has(node) ? [] : list)),
    children: graph.children.map(keep),
    spouses: graph.spouses.map((list, node) => (nodes.has(node) ? [] : keep(list))),
  }
}

/** The graph without arrows from `nodes` to `effects`, which are all nodes when not given. */
export function withoutEdgesOutOf(graph: MixedGraph, nodes: ReadonlySet<number>, effects?: ReadonlySet<number>): MixedGraph {
  const isCut = (from: number, to: number): boolean => nodes.has(from) && (effects?.has(to) ?? true)
  return {
    parents: graph.parents.map((list, to) => list.filter(from => !isCut(from, to))),
    children: graph.children.map((list, from) => list.filter(to => !isCut(from, to))),
    spouses: graph.spouses,
  }
}

/** The graph with only the edges among `nodes`. */
export function inducedGraph(graph: MixedGraph, nodes: ReadonlySet<number>): MixedGraph {
  const keep = (list: readonly number[], node: number): readonly number[] => (nodes.has(node) ? list.filter(other => nodes.has(other)) : [])
  return { parents: graph.parents.map(keep), children: graph.children.map(keep), spouses: graph.spouses.map(keep) }
}

/** `nodes` and everything with a directed path to one of them. */
export function ancestorsOf(graph: MixedGraph, nodes: Iterable<number>): Set<number> {
  return closure(graph.parents, nodes)
}

/** `nodes` and everything they have a directed path to. */
export function descendantsOf(graph: MixedGraph, nodes: Iterable<number>): Set<number> {
  return closure(graph.children, nodes)
}

/** The nodes tied to `nodes` by double-headed arrows, directly or through others: their c-component, or district. */
export function districtOf(graph: MixedGraph, nodes: Iterable<number>): Set<number> {
  return closure(graph.spouses, nodes)
}

/** The c-components of the graph among `nodes`, each in ascending order. */
export function districts(graph: MixedGraph, nodes: ReadonlySet<number>): Set<number>[] {
  const within = inducedGraph(graph, nodes)
  const left = new Set(nodes)
  const found: Set<number>[] = []
  for (const node of nodes) {
    if (!left.has(node)) continue
    const district = districtOf(within, [node])
    for (const member of district) left.delete(member)
    found.push(district)
  }
  return found
}

function closure(lists: readonly (readonly number[])[], start: Iterable<number>): Set<number> {
  const seen = new Set(start)
  const stack = [...seen]
  for (let node = stack.pop(); node !== undefined; node = stack.pop())
    for (const next of lists[node]!) {
      if (seen.has(next)) continue
      seen.add(next)
      stack.push(next)
    }
  return seen
}

/** Causes before effects; shorter than the graph where there is a cycle. */
export function causalOrder(graph: MixedGraph): number[] {
  const waiting = graph.parents.map(list => list.length)
  const order: number[] = []
  for (const [node, count] of waiting.entries()) if (count === 0) order.push(node)
  for (let at = 0; at < order.length; at++) for (const child of graph.children[order[at]!]!) if (--waiting[child]! === 0) order.push(child)
  return order
}

/** All of `a` that is not in `b`. */
export function without(a: Iterable<number>, b: ReadonlySet<number>): Set<number> {
  return new Set([...a].filter(node => !b.has(node)))
}
