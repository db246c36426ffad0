import { ancestorsOf, type MixedGraph, without } from './mixed-graph.ts'
import { dependentOn, isSeparated } from './separation.ts'

/**
 * A set of allowed nodes that separates `a` from `b` and of which nothing can be left out, in time linear in the edges;
 * undefined where no set of allowed nodes does.
 * Source: van der Zander & Liśkiewicz, "Finding Minimal d-separators in Linear Time and Applications" (2019).
 *
 * @param nearest - `a`: keeps the separator closest to `a` even where fewer nodes would do
 */
export function findSeparator(
  graph: MixedGraph,
  a: ReadonlySet<number>,
  b: ReadonlySet<number>,
  allowed: ReadonlySet<number>,
  nearest?: 'a',
): Set<number> | undefined {
  // If any allowed set separates, then so does everything allowed among the ancestors, and a minimal one lies within it.
  const ancestors = ancestorsOf(graph, [...a, ...b])
  const all = new Set([...ancestors].filter(node => allowed.has(node) && !a.has(node) && !b.has(node)))
  if (!isSeparated(graph, a, b, all)) return undefined
  const facingA = intersection(all, dependentOn(graph, a, all))
  return nearest === 'a' ? facingA : intersection(facingA, dependentOn(graph, b, facingA))
}

function intersection(a: ReadonlySet<number>, b: ReadonlySet<number>): Set<number> {
  return new Set([...a].filter(node => b.has(node)))
}

/** Every set of a kind of which nothing can be left out, as far as they were listed. */
export interface MinimalSets {
  /** Ascending nodes; smaller sets first. */
  readonly sets: readonly (readonly number[])[]
  /** False when listing stopped at a limit; a set that is listed is minimal all the same. */
  readonly isComplete: boolean
}

/** When listing stops. */
export interface ListLimits {
  /** Sets to find at most. Default 32. */
  readonly maxSets?: number | undefined
  /** Milliseconds to look for them at most. Default 2,000. */
  readonly timeoutMs?: number | undefined
}

const DEFAULT_MAX_SETS = 32
const DEFAULT_TIMEOUT_MS = 2_000
/** Combinations of forbidden nodes that are remembered. */
const MAX_QUEUED = 200_000

/**
 * Lists minimal sets by forbidding: any other one lacks a node of each set that is known.
 * Source: the hitting-set tree of Reiter, "A Theory of Diagnosis from First Principles" (1987).
 *
 * @param find - a minimal set within `allowed`, or undefined
 */
export function listMinimalSets(
  allowed: ReadonlySet<number>,
  find: (allowed: ReadonlySet<number>) => ReadonlySet<number> | undefined,
  { maxSets = DEFAULT_MAX_SETS, timeoutMs = DEFAULT_TIMEOUT_MS }: ListLimits = {},
): MinimalSets {
  const begun = performance.now()
  const found: ReadonlySet<number>[] = []
  const queue: (readonly number[])[] = [[]]
  const queued = new Set([''])
  let isComplete = true
  for (let step = 0; step < queue.length; step++) {
    if (step > 0 && (queue.length >= MAX_QUEUED || performance.now() - begun > timeoutMs)) {
      isComplete = false
      break
    }
    const forbidden = queue[step]!
    const isAvoided = (set: ReadonlySet<number>): boolean => !forbidden.some(node => set.has(node))
    let set = found.find(isAvoided)
    if (!set) {
      set = find(without(allowed, new Set(forbidden)))
      if (!set) continue
      if (found.length >= maxSets) {
        isComplete = false
        break
      }
      found.push(set)
    }
    for (const node of set) {
      const next = [...forbidden, node].sort((x, y) => x - y)
      const key = next.join(' ')
      if (queued.has(key)) continue
      queued.add(key)
      queue.push(next)
    }
  }
  const sets = found.map(set => [...set].sort((x, y) => x - y))
  return { sets: sets.sort((x, y) => x.length - y.length || compare(x, y)), isComplete }
}

function compare(x: readonly number[], y: readonly number[]): number {
  const at = x.findIndex((node, i) => node !== y[i])
  return at < 0 ? 0 : x[at]! - y[at]!
}
