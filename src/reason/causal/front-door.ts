import type { Effect } from './adjustment.ts'
import { descendantsOf, inducedGraph, type MixedGraph, without, withoutEdgesOutOf } from './mixed-graph.ts'
import { dependentOn } from './separation.ts'
import { type ListLimits, listMinimalSets, type MinimalSets } from './separators.ts'

/**
 * Every minimal front-door set: nodes that all directed paths from the causes to the effects pass, that no back door connects
 * with the causes, and whose own back doors to the effects the causes block. Where nothing leads from cause to effect there is
 * no door to find.
 * Source: Pearl, "Causality", section 3.3.2; Jeong, Tian & Bareinboim, "Finding and Listing Front-door Adjustment Sets" (2022).
 */
export function listFrontDoorSets(graph: MixedGraph, effect: Effect, limits?: ListLimits): MinimalSets {
  const { causes, effects, observed } = effect
  const reached = descendantsOf(graph, causes)
  if (![...effects].some(node => reached.has(node))) return { sets: [], isComplete: true }
  const behind = dependentOn(withoutEdgesOutOf(graph, causes), causes, new Set())
  const candidates = new Set([...observed].filter(node => !causes.has(node) && !effects.has(node) && !behind.has(node)))
  return listMinimalSets(candidates, allowed => minimalWithin(graph, effect, allowed), limits)
}

/** True when `set` is a front-door set. */
export function isFrontDoorSet(graph: MixedGraph, effect: Effect, set: ReadonlySet<number>): boolean {
  const { causes, effects, observed } = effect
  const behind = dependentOn(withoutEdgesOutOf(graph, causes), causes, new Set())
  const isCandidate = (node: number): boolean => observed.has(node) && !causes.has(node) && !effects.has(node) && !behind.has(node)
  return [...set].every(isCandidate) && largestWithin(graph, effect, set).size === set.size && isOnAllPaths(graph, effect, set)
}

/** Leaves out what can be left out: each node is tried once, because what a larger set cannot spare a smaller cannot either. */
function minimalWithin(graph: MixedGraph, effect: Effect, allowed: ReadonlySet<number>): Set<number> | undefined {
  const doorWithin = (nodes: ReadonlySet<number>): Set<number> | undefined => {
    const largest = largestWithin(graph, effect, nodes)
    return isOnAllPaths(graph, effect, largest) ? largest : undefined
  }
  let door = doorWithin(allowed)
  if (!door) return undefined
  for (const node of [...door]) {
    if (!door.has(node)) continue
    const smaller = doorWithin(without(door, new Set([node])))
    if (smaller) door = smaller
  }
  return door
}

/**
 * The one largest subset whose back doors to the effects the causes block. A node whose back door is open while all others
 * of the set block what they can is open in every subset, so it goes, until none is left that must.
 */
function largestWithin(graph: MixedGraph, { causes, effects }: Effect, nodes: ReadonlySet<number>): Set<number> {
  let set = new Set(nodes)
  for (;;) {
    const open = dependentOn(withoutEdgesOutOf(graph, set), effects, causes)
    const kept = without(set, open)
    if (kept.size === set.size) return kept
    set = kept
  }
}

function isOnAllPaths(graph: MixedGraph, { causes, effects }: Effect, set: ReadonlySet<number>): boolean {
  const rest = without(graph.parents.keys(), set)
  const reached = descendantsOf(inducedGraph(graph, rest), causes)
  return ![...effects].some(node => reached.has(node))
}
