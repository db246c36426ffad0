import { HenceError } from '../../core/index.ts'
import type { CausalGraph } from './causal-graph.ts'
import { type Estimand, probability, product, ratio, sum } from './estimand.ts'
import type { EffectQuestion } from './estimand-text.ts'
import { latentProjection } from './latent-projection.ts'
import { ancestorsOf, districtOf, districts, inducedGraph, withoutEdgesInto, withoutEdgesOutOf } from './mixed-graph.ts'
import { isSeparated } from './separation.ts'

/**
 * Why an effect cannot be computed from observations: two sets of variables, one within the other, each tied together by
 * unseen common causes; the causes act within the larger and not within the smaller. Two models that agree on everything
 * observed can then disagree on the effect.
 */
export interface Hedge {
  /** The larger set (F). */
  readonly forest: readonly string[]
  /** The smaller set (F′), without any cause. */
  readonly subforest: readonly string[]
}

/** A formula for an effect, or the reason there is none. */
export type Identified = { readonly estimand: Estimand } | { readonly hedge: Hedge }

/**
 * P(effects | do(causes), given) in terms of the observed variables, for every model with this graph; or a hedge, which proves
 * that there is no such formula. Sound and complete.
 * Source: Tian & Pearl, "A General Identification Condition for Causal Effects" (2002); Shpitser & Pearl, "Identification of
 * Conditional Interventional Distributions" (2006).
 *
 * @throws HenceError `OPTION_INVALID` for unknown or hidden variables, or one in two places
 */
export function identifyEffect(graph: CausalGraph, { effects, causes, given = [] }: EffectQuestion): Identified {
  const observed = latentProjection(graph)
  const [y, x, z] = [observedNodes(graph, observed, effects), observedNodes(graph, observed, causes), observedNodes(graph, observed, given)]
  for (const name of [...causes, ...given]) {
    const node = observed.node(name)
    if (Number(y.has(node)) + Number(x.has(node)) + Number(z.has(node)) > 1)
      throw new HenceError('OPTION_INVALID', `${name} cannot be effect, cause or condition at once`, { variable: name })
  }
  // What is conditioned on acts as if it were set, wherever nothing but its effects connects it with the effects.
  for (const node of z) {
    const cut = withoutEdgesOutOf(withoutEdgesInto(observed, x), new Set([node]))
    const rest = new Set([...z].filter(other => other !== node))
    if (!isSeparated(cut, [node], y, new Set([...x, ...rest]))) continue
    const acting = observed.namesOf([...x, node])
    return identifyEffect(graph, { effects, causes: acting, given: observed.namesOf(rest) })
  }
  const joint = identifyJoint(observed, new Set([...y, ...z]), x)
  if ('hedge' in joint || z.size === 0) return joint
  return { estimand: ratio(joint.estimand, sum(observed.namesOf(y), joint.estimand)) }
}

function observedNodes(graph: CausalGraph, observed: CausalGraph, names: readonly string[]): Set<number> {
  return new Set(
    names.map(name => {
      if (graph.hidden.has(graph.node(name)))
        throw new HenceError('OPTION_INVALID', `${name} is hidden, so nothing observed can tell about it`, { variable: name })
      return observed.node(name)
    }),
  )
}

/** Q[nodes] = P(nodes | do(everything else)), as one conditional for each node; multiplied they give it. */
interface CFactor {
  /** In causal order. */
  readonly nodes: readonly number[]
  readonly conditionals: ReadonlyMap<number, Estimand>
}

function identifyJoint(graph: CausalGraph, effects: ReadonlySet<number>, allCauses: ReadonlySet<number>): Identified {
  const ancestors = ancestorsOf(graph, effects)
  const causes = new Set([...allCauses].filter(node => ancestors.has(node)))
  if (causes.size === 0) return { estimand: probability(graph.namesOf(effects)) }
  const remaining = new Set([...ancestors].filter(node => !causes.has(node)))
  const relevant = ancestorsOf(inducedGraph(graph, remaining), effects)
  const wholes = districts(graph, ancestors)
  const parts: Estimand[] = []
  for (const part of districts(graph, relevant)) {
    const [member] = part
    const whole = wholes.find(district => district.has(member!))!
    const found = identifyPart(graph, part, observedFactor(graph, ancestors, whole))
    if ('hedge' in found) return found
    parts.push(found.estimand)
  }
  const hiddenAway = graph.namesOf([...relevant].filter(node => !effects.has(node)))
  return { estimand: sum(hiddenAway, product(parts)) }
}

/** Q of a c-component among `ancestors`: each node given what its c-component so far, and the causes of that, say about it. */
function observedFactor(graph: CausalGraph, ancestors: ReadonlySet<number>, district: ReadonlySet<number>): CFactor {
  const soFar = new Set<number>()
  const conditionals = new Map<number, Estimand>()
  for (const node of graph.order) {
    if (!ancestors.has(node)) continue
    soFar.add(node)
    if (!district.has(node)) continue
    const tied = districtOf(inducedGraph(graph, soFar), [node])
    const given = new Set([...tied].flatMap(member => [member, ...graph.parents[member]!]))
    given.delete(node)
    conditionals.set(node, probability([graph.variables[node]!], graph.namesOf(given)))
  }
  return { nodes: [...conditionals.keys()], conditionals }
}

/** Q[part] from Q[whole], of which it is a piece tied together by unseen common causes. */
function identifyPart(graph: CausalGraph, part: ReadonlySet<number>, whole: CFactor): Identified {
  const within = inducedGraph(graph, new Set(whole.nodes))
  const ancestors = ancestorsOf(within, part)
  const others = whole.nodes.filter(node => !ancestors.has(node))
  const joint = sum(
    others.map(node => graph.variables[node]!),
    product([...whole.conditionals.values()]),
  )
  if (ancestors.size === part.size) return { estimand: joint }
  if (others.length === 0) return { hedge: { forest: graph.namesOf(whole.nodes), subforest: graph.namesOf(part) } }
  const kept = whole.nodes.filter(node => ancestors.has(node))
  const district = districtOf(inducedGraph(graph, ancestors), part)
  const conditionals = new Map<number, Estimand>()
  for (const [at, node] of kept.entries()) {
    if (!district.has(node)) continue
    const later = kept.slice(at + 1).map(other => graph.variables[other]!)
    const above = sum(later, joint)
    // Summed over all nodes the joint is 1.
    conditionals.set(node, at === 0 ? above : ratio(above, sum([graph.variables[node]!, ...later], joint)))
  }
  return identifyPart(graph, part, { nodes: kept.filter(node => district.has(node)), conditionals })
}
