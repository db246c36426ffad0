import { ancestorsOf, type MixedGraph } from './mixed-graph.ts'

/** One edge of a path as it is written from left to right, and the node after it. */
export interface PathStep {
  readonly edge: '->' | '<-' | '<->'
  readonly node: number
}

/** A path along which dependence flows. */
export interface OpenPath {
  readonly start: number
  readonly steps: readonly PathStep[]
}

/** A node was entered at an arrowhead (from a cause or a spouse), or at the tail of an arrow (from an effect). */
type Entry = 0 | 1
const TAIL: Entry = 0
const HEAD: Entry = 1

/** What a walk met: for node n, entries 2n (at a tail) and 2n + 1 (at an arrowhead). */
interface Walk {
  readonly met: Uint8Array
  /** The state a state was entered from, or -1 - start for the first step. */
  readonly from: Int32Array
}

/**
 * Walks from `start` wherever dependence flows while `given` is held fixed: through a node that is not given unless two
 * arrowheads meet there, and where two arrowheads meet if the node or something it causes is given. Linear in the edges.
 * Source: Bayes ball (Shachter 1998) with double-headed arrows.
 */
function walk(graph: MixedGraph, start: Iterable<number>, given: ReadonlySet<number>): Walk {
  const { parents, children, spouses } = graph
  const opened = ancestorsOf(graph, given)
  const met = new Uint8Array(2 * parents.length)
  const from = new Int32Array(met.length)
  const queue: number[] = []
  const enter = (nodes: readonly number[], entry: Entry, origin: number): void => {
    for (const node of nodes) {
      const state = 2 * node + entry
      if (met[state]) continue
      met[state] = 1
      from[state] = origin
      queue.push(state)
    }
  }
  for (const node of start) {
    enter(parents[node]!, TAIL, -1 - node)
    enter(children[node]!, HEAD, -1 - node)
    enter(spouses[node]!, HEAD, -1 - node)
  }
  for (let at = 0; at < queue.length; at++) {
    const state = queue[at]!
    const node = state >> 1
    const isBlocked = given.has(node)
    const enteredAtHead = (state & 1) === HEAD
    if (!isBlocked) enter(children[node]!, HEAD, state)
    if (enteredAtHead ? opened.has(node) : !isBlocked) {
      enter(parents[node]!, TAIL, state)
      enter(spouses[node]!, HEAD, state)
    }
  }
  return { met, from }
}

/** Every node that depends on one of `start` while `given` is held fixed; given nodes that a path ends at are among them. */
export function dependentOn(graph: MixedGraph, start: Iterable<number>, given: ReadonlySet<number>): Set<number> {
  const { met } = walk(graph, start, given)
  const found = new Set<number>()
  for (let state = 0; state < met.length; state++) if (met[state]) found.add(state >> 1)
  return found
}

/** True when `given` separates `a` from `b`: no path is open (d-separation; m-separation with double-headed arrows). */
export function isSeparated(graph: MixedGraph, a: Iterable<number>, b: Iterable<number>, given: ReadonlySet<number>): boolean {
  const { met } = walk(graph, a, given)
  for (const node of b) if (met[2 * node] || met[2 * node + 1]) return false
  return true
}

/** A shortest walk without repeated nodes along which `a` and `b` depend on each other while `given` is held fixed, or undefined. */
export function openPath(graph: MixedGraph, a: Iterable<number>, b: Iterable<number>, given: ReadonlySet<number>): OpenPath | undefined {
  const { met, from } = walk(graph, a, given)
  for (const end of b)
    for (const entry of [TAIL, HEAD] as const) if (met[2 * end + entry]) return withoutLoops(traceBack(graph, given, from, 2 * end + entry))
  return undefined
}

function traceBack({ parents }: MixedGraph, given: ReadonlySet<number>, from: Int32Array, last: number): OpenPath {
  const steps: PathStep[] = []
  let state = last
  for (;;) {
    const node = state >> 1
    const origin = from[state]!
    const before = origin < 0 ? -1 - origin : origin >> 1
    // The walk leaves a given node by arrowheads only, any other one by its arrows first.
    const isArrow = parents[node]!.includes(before) && !(origin >= 0 && given.has(before))
    const edge = (state & 1) === TAIL ? '<-' : isArrow ? '->' : '<->'
    steps.push({ edge, node })
    if (origin < 0) return { start: before, steps: steps.reverse() }
    state = origin
  }
}

/**
 * Cuts out what lies between two visits of a node. The path stays open: where the cut makes two arrowheads meet, the loop
 * left the node downwards, and so it passed something given below it.
 */
function withoutLoops(path: OpenPath): OpenPath {
  const nodes = [path.start, ...path.steps.map(({ node }) => node)]
  for (const [at, node] of nodes.entries()) {
    const again = nodes.lastIndexOf(node)
    if (again > at) return withoutLoops({ start: path.start, steps: [...path.steps.slice(0, at), ...path.steps.slice(again)] })
  }
  return path
}

/** Nodes of a path where two arrowheads meet. */
export function collidersOf({ steps }: OpenPath): number[] {
  return steps.slice(0, -1).flatMap(({ edge, node }, i) => (edge !== '<-' && steps[i + 1]!.edge !== '->' ? [node] : []))
}
