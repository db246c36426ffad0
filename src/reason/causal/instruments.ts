import { type Effect, mediatorsAndEffects } from './adjustment.ts'
import { descendantsOf, type MixedGraph, withoutEdgesOutOf } from './mixed-graph.ts'
import { isSeparated } from './separation.ts'
import { findSeparator } from './separators.ts'

/** A node that moves the effect only by way of the cause, given the nodes it is conditioned on. */
export interface Instrument {
  readonly node: number
  readonly given: ReadonlySet<number>
}

/**
 * Instruments for one cause and one effect, each with a set to condition on; empty sets wherever they do.
 * Source: van der Zander, Textor & Liśkiewicz, "Efficiently Finding Conditional Instruments for Causal Inference" (2015):
 * if a node is an instrument given anything, it is one given the separator nearest to the effect.
 */
export function listInstruments(graph: MixedGraph, { causes, effects, observed }: Effect): Instrument[] {
  const below = descendantsOf(graph, causes)
  if (![...effects].some(node => below.has(node))) return []
  const withoutEffect = withoutEdgesOutOf(graph, causes, mediatorsAndEffects(graph, { causes, effects }))
  const outside = new Set([...observed].filter(node => !below.has(node) && !effects.has(node)))
  const found: Instrument[] = []
  for (const node of outside) {
    const moves = (given: ReadonlySet<number>): boolean => !isSeparated(graph, [node], causes, given)
    const nothing: ReadonlySet<number> = new Set()
    const given = isSeparated(withoutEffect, [node], effects, nothing)
      ? nothing
      : findSeparator(withoutEffect, effects, new Set([node]), outside, 'a')
    if (given && moves(given)) found.push({ node, given })
  }
  return found
}
