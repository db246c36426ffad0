import { CausalGraph } from './causal-graph.ts'

/**
 * The graph over observed variables that says the same about them: a path through hidden variables becomes an arrow, a hidden
 * common cause a double-headed arrow.
 * Source: Verma & Pearl, "Equivalence and Synthesis of Causal Models" (1990).
 *
 * @throws HenceError `CAUSAL_GRAPH_INVALID` where that makes more edges than any graph may have
 */
export function latentProjection(graph: CausalGraph): CausalGraph {
  if (graph.hidden.size === 0) return graph
  const copy = (lists: readonly (readonly number[])[]): Set<number>[] => lists.map(list => new Set(list))
  const [parents, children, spouses] = [copy(graph.parents), copy(graph.children), copy(graph.spouses)]
  for (const node of graph.hidden) {
    for (const parent of parents[node]!) {
      children[parent]!.delete(node)
      for (const child of children[node]!) {
        children[parent]!.add(child)
        parents[child]!.add(parent)
      }
    }
    for (const child of children[node]!) {
      parents[child]!.delete(node)
      for (const other of [...children[node]!, ...spouses[node]!]) {
        if (other === child) continue
        spouses[child]!.add(other)
        spouses[other]!.add(child)
      }
    }
    for (const spouse of spouses[node]!) spouses[spouse]!.delete(node)
    for (const lists of [parents, children, spouses]) lists[node]!.clear()
  }
  const { variables } = graph
  const pairs = (lists: readonly Set<number>[]): [string, string][] =>
    lists.flatMap((set, from) => [...set].map((to): [string, string] => [variables[from]!, variables[to]!]))
  return new CausalGraph({
    variables: graph.namesOf(graph.observed),
    arrows: pairs(children),
    confounded: pairs(spouses.map((set, node) => new Set([...set].filter(other => other > node)))),
  })
}
