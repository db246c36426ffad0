/** Random causal graphs, and separation by its definition: every path, one after the other. */
import fc from 'fast-check'
import type { MixedGraph } from '../src/reason/causal/mixed-graph.ts'

/** Graphs of 2 to `maxNodes` nodes; arrows go from lower to higher numbers. */
export function mixedGraphs(maxNodes: number, { withSpouses = true }: { withSpouses?: boolean } = {}): fc.Arbitrary<MixedGraph> {
  return fc.integer({ min: 2, max: maxNodes }).chain(size => {
    const pairs = Array.from({ length: size }, (_, b) => Array.from({ length: b }, (_, a) => [a, b] as const)).flat()
    const kinds = pairs.map(() => fc.constantFrom('', '', '', '', '->', '->', '->', ...(withSpouses ? ['<->', 'both'] : [])))
    return fc.tuple(...kinds).map(drawn => graphOf(size, pairs, drawn))
  })
}

function graphOf(size: number, pairs: readonly (readonly [number, number])[], kinds: readonly string[]): MixedGraph {
  const lists = (): number[][] => Array.from({ length: size }, () => [])
  const [parents, children, spouses] = [lists(), lists(), lists()]
  for (const [at, [a, b]] of pairs.entries()) {
    if (kinds[at] === '->' || kinds[at] === 'both') {
      parents[b]!.push(a)
      children[a]!.push(b)
    }
    if (kinds[at] === '<->' || kinds[at] === 'both') {
      spouses[a]!.push(b)
      spouses[b]!.push(a)
    }
  }
  return { parents, children, spouses }
}

/** Every subset of `items`. */
export function subsetsOf<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((all, item) => all.flatMap(set => [set, [...set, item]]), [[]])
}

interface Edge {
  readonly to: number
  /** Arrowhead at the node it leaves, and at the node it goes to. */
  readonly headHere: boolean
  readonly headThere: boolean
}

/** True when some path without repeated nodes from `a` to `b` is open given `given`, by trying all of them. */
export function hasOpenPathByDefinition(graph: MixedGraph, a: number, b: number, given: ReadonlySet<number>): boolean {
  const descendants = (node: number, seen = new Set([node])): Set<number> => {
    for (const child of graph.children[node]!) if (!seen.has(child)) descendants(child, seen.add(child))
    return seen
  }
  const isOpen = (node: number, isCollider: boolean): boolean =>
    isCollider ? [...descendants(node)].some(below => given.has(below)) : !given.has(node)
  const edgesOf = (node: number): Edge[] => [
    ...graph.parents[node]!.map(to => ({ to, headHere: true, headThere: false })),
    ...graph.children[node]!.map(to => ({ to, headHere: false, headThere: true })),
    ...graph.spouses[node]!.map(to => ({ to, headHere: true, headThere: true })),
  ]
  const extend = (node: number, arrivedAtHead: boolean | undefined, visited: ReadonlySet<number>): boolean =>
    edgesOf(node).some(({ to, headHere, headThere }) => {
      if (visited.has(to)) return false
      if (arrivedAtHead !== undefined && !isOpen(node, arrivedAtHead && headHere)) return false
      return to === b || extend(to, headThere, new Set([...visited, to]))
    })
  return extend(a, undefined, new Set([a]))
}
