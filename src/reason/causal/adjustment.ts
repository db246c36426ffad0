import { ancestorsOf, descendantsOf, type MixedGraph, withoutEdgesInto, withoutEdgesOutOf } from './mixed-graph.ts'
import { isSeparated } from './separation.ts'
import { findSeparator, type ListLimits, listMinimalSets, type MinimalSets } from './separators.ts'

/** What acts, what it acts on, and what may be used to find out how. */
export interface Effect {
  readonly causes: ReadonlySet<number>
  readonly effects: ReadonlySet<number>
  readonly observed: ReadonlySet<number>
}

/**
 * Nodes on directed paths from a cause to an effect that meet no other cause; the causes themselves are not among them.
 * Source: Shpitser, VanderWeele & Robins, "On the Validity of Covariate Adjustment for Estimating Causal Effects" (2010).
 */
export function mediatorsAndEffects(graph: MixedGraph, { causes, effects }: Pick<Effect, 'causes' | 'effects'>): Set<number> {
  const below = descendantsOf(withoutEdgesInto(graph, causes), causes)
  const above = ancestorsOf(withoutEdgesOutOf(graph, causes), effects)
  return new Set([...below].filter(node => above.has(node) && !causes.has(node)))
}

/** A criterion for sets to adjust for: they separate causes from effects in a cut graph, and hold only permitted nodes. */
interface Criterion {
  readonly graph: MixedGraph
  readonly permitted: ReadonlySet<number>
}

/** Adjustment sets in full: nothing on or below a causal path, and every other path is blocked. Sound and complete. */
function adjustmentCriterion(graph: MixedGraph, effect: Effect): Criterion {
  const onPaths = mediatorsAndEffects(graph, effect)
  return {
    graph: withoutEdgesOutOf(graph, effect.causes, onPaths),
    permitted: permittedNodes(effect, descendantsOf(graph, onPaths)),
  }
}

/** Pearl's back-door criterion: nothing below a cause, and every path that enters a cause is blocked. */
function backDoorCriterion(graph: MixedGraph, effect: Effect): Criterion {
  return {
    graph: withoutEdgesOutOf(graph, effect.causes),
    permitted: permittedNodes(effect, descendantsOf(graph, effect.causes)),
  }
}

function permittedNodes({ causes, effects, observed }: Effect, forbidden: ReadonlySet<number>): Set<number> {
  return new Set([...observed].filter(node => !forbidden.has(node) && !causes.has(node) && !effects.has(node)))
}

/** True when adjusting for `set` gives the effect in every model with this graph. */
export function isAdjustmentSet(graph: MixedGraph, effect: Effect, set: ReadonlySet<number>): boolean {
  const { graph: cut, permitted } = adjustmentCriterion(graph, effect)
  return [...set].every(node => permitted.has(node)) && isSeparated(cut, effect.causes, effect.effects, set)
}

/** Every minimal set of observed nodes to adjust for. */
export function listAdjustmentSets(graph: MixedGraph, effect: Effect, limits?: ListLimits): MinimalSets {
  return listOf(adjustmentCriterion(graph, effect), effect, limits)
}

/** Every minimal set that meets Pearl's back-door criterion. */
export function listBackDoorSets(graph: MixedGraph, effect: Effect, limits?: ListLimits): MinimalSets {
  return listOf(backDoorCriterion(graph, effect), effect, limits)
}

function listOf({ graph, permitted }: Criterion, { causes, effects }: Effect, limits?: ListLimits): MinimalSets {
  return listMinimalSets(permitted, allowed => findSeparator(graph, causes, effects, allowed), limits)
}
