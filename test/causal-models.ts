/** Random models with a given graph, and what they say by adding up every combination of states. */
import { Rng } from '../src/core/index.ts'
import { type BayesianNetwork, buildNetwork } from '../src/reason/bayes/network.ts'
import type { ObservedDistribution } from '../src/reason/causal/evaluate-estimand.ts'
import type { MixedGraph } from '../src/reason/causal/mixed-graph.ts'
import { orderTable, sumTable } from '../src/reason/causal/value-table.ts'

/** The name of a node. */
export function nameOf(node: number): string {
  return `v${node}`
}

/** A model with random tables in which every double-headed arrow is a hidden cause of its own, named like `u0-2`. */
export function randomModel(graph: MixedGraph, seed: number): BayesianNetwork {
  const rng = new Rng(seed)
  const hidden = graph.spouses.flatMap((list, a) => list.filter(b => b > a).map(b => ({ name: `u${a}-${b}`, ends: [a, b] })))
  const table = (rows: number, states: number): number[] =>
    Array.from({ length: rows }, () => {
      const row = Array.from({ length: states }, () => 0.05 + rng.uniform())
      return row.map(p => p / row.reduce((sum, q) => sum + q, 0))
    }).flat()
  const statesOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `s${i}`)
  const variables = [
    ...hidden.map(({ name }) => ({ name, states: statesOf(2), table: table(1, 2), parents: [] as string[] })),
    ...graph.parents.map((list, node) => {
      const parents = [...list.map(nameOf), ...hidden.filter(({ ends }) => ends.includes(node)).map(({ name }) => name)]
      return { name: nameOf(node), states: statesOf(2), parents, table: [] as number[] }
    }),
  ]
  const sizes = new Map(variables.map(({ name, states }) => [name, states.length]))
  return buildNetwork({
    name: 'random',
    variables: variables.map(one => ({
      ...one,
      table:
        one.table.length > 0
          ? one.table
          : table(
              one.parents.reduce((product, parent) => product * sizes.get(parent)!, 1),
              one.states.length,
            ),
    })),
  })
}

/** P(variables, and findings) in a model where some variables are set; row-major, the last variable fastest. */
export function jointByEnumeration(
  network: BayesianNetwork,
  variables: readonly string[],
  { set = {}, given = {} }: { set?: Readonly<Record<string, number>>; given?: Readonly<Record<string, number>> } = {},
): Float64Array {
  const wanted = variables.map(name => network.indexOf(name))
  const sizes = network.variables.map(({ states }) => states.length)
  const result = new Float64Array(wanted.reduce((product, index) => product * sizes[index]!, 1))
  const states = new Int32Array(sizes.length)
  const visit = (at: number, p: number): void => {
    if (p === 0) return
    const index = network.order[at]
    if (index === undefined) {
      const place = wanted.reduce((sum, variable) => sum * sizes[variable]! + states[variable]!, 0)
      result[place]! += p
      return
    }
    const { name, parents, cpt } = network.variables[index]!
    const row = parents.reduce((sum, parent) => sum * sizes[parent]! + states[parent]!, 0) * sizes[index]!
    for (let state = 0; state < sizes[index]!; state++) {
      if (given[name] !== undefined && given[name] !== state) continue
      states[index] = state
      visit(at + 1, set[name] === undefined ? p * cpt[row + state]! : set[name] === state ? p : 0)
    }
  }
  visit(0, 1)
  return result
}

/** What can be observed of a {@link randomModel}: everything but its hidden causes. */
export function observedSource(network: BayesianNetwork): ObservedDistribution {
  const observed = network.variables.filter(({ name }) => !name.startsWith('u')).map(({ name }) => name)
  const sizes = observed.map(name => network.variables[network.indexOf(name)]!.states.length)
  const table = { variables: observed, sizes, values: jointByEnumeration(network, observed) }
  return {
    states: name => network.variables[network.indexOf(name)]!.states,
    *joint(variables) {
      yield
      return orderTable(sumTable(table, new Set(observed.filter(name => !variables.includes(name)))), variables).values
    },
  }
}

/** Numbers divided by their sum. */
export function normalized(values: Float64Array): Float64Array {
  const total = values.reduce((sum, value) => sum + value, 0)
  return values.map(value => value / total)
}
