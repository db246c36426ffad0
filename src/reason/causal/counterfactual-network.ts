import { HenceError } from '../../core/index.ts'
import { type BayesianNetwork, buildNetwork } from '../bayes/network.ts'

/** Variables set from outside, and the state of each. The world as it is has none. */
export type World = Readonly<Record<string, string | number>>

/** A network that holds several worlds side by side. */
export interface ParallelWorlds {
  readonly network: BayesianNetwork
  /** The name a variable has in a world. */
  nameIn(variable: string, world: number): string
}

/**
 * The network that says how worlds with different interventions hang together: what no intervention reaches is shared, with
 * all its noise; what one reaches is there once for each world, computed by the same mechanism. Two worlds make the twin
 * network.
 * Source: Balke & Pearl, "Probabilistic Evaluation of Counterfactual Queries" (1994).
 *
 * @param about - variables that are asked for or known, by world; the rest is pruned to what they depend on
 * @throws HenceError `OPTION_INVALID` where two worlds need the mechanism of a variable that its table leaves open
 */
export function parallelWorlds(network: BayesianNetwork, worlds: readonly World[], about: readonly (readonly string[])[]): ParallelWorlds {
  const { variables, order } = network
  const settings = worlds.map(world => new Map(Object.entries(world).map(([name, state]) => [network.indexOf(name), state])))
  const settingOf = (world: number, variable: number): number | undefined => {
    const state = settings[world]!.get(variable)
    return state === undefined ? undefined : network.stateOf(variable, state)
  }
  /** By world and variable: the world whose copy it is. */
  const owner = worlds.map(() => new Int32Array(variables.length))
  const key = new Map<string, number>()
  for (const variable of order)
    for (const world of worlds.keys()) {
      const set = settingOf(world, variable)
      const origin = set === undefined ? variables[variable]!.parents.map(parent => owner[world]![parent]) : `=${set}`
      const text = `${variable}:${origin}`
      owner[world]![variable] = key.get(text) ?? world
      if (!key.has(text)) key.set(text, world)
    }
  const needed = worlds.map(() => new Uint8Array(variables.length))
  const need = (world: number, variable: number): void => {
    const own = owner[world]![variable]!
    const stack: (readonly [number, number])[] = [[own, variable]]
    for (let next = stack.pop(); next; next = stack.pop()) {
      const [at, index] = next
      if (needed[at]![index] === 1) continue
      needed[at]![index] = 1
      if (settingOf(at, index) !== undefined) continue
      for (const parent of variables[index]!.parents) stack.push([owner[at]![parent]!, parent])
    }
  }
  for (const [world, names] of about.entries()) for (const name of names) need(world, network.indexOf(name))
  const taken = new Set(variables.map(({ name }) => name))
  const names = worlds.map((world, at) => {
    const label = at === 0 ? '' : `[${Object.entries(world).map(([name, state]) => `${name}=${state}`)}]`
    return variables.map(({ name }) => (label === '' ? name : unused(`${name}${label}`, taken)))
  })
  const copies = order.flatMap(variable => [...worlds.keys()].filter(at => needed[at]![variable] === 1).map(at => ({ at, variable })))
  const computed = copies.filter(({ at, variable }) => settingOf(at, variable) === undefined)
  const times = new Int32Array(variables.length)
  for (const { variable } of computed) times[variable]!++
  for (const variable of order) if (times[variable]! > 1) requireMechanism(network, variable)
  const built = copies.map(({ at, variable }) => {
    const { states, parents, cpt } = variables[variable]!
    const set = settingOf(at, variable)
    const name = names[at]![variable]!
    if (set !== undefined) return { name, states, table: states.map((_, state) => Number(state === set)) }
    return { name, states, parents: parents.map(parent => names[owner[at]![parent]!]![parent]!), table: cpt }
  })
  return {
    network: buildNetwork({ name: `${network.name}, ${worlds.length} worlds`, variables: built }),
    nameIn: (name, world) => {
      const variable = network.indexOf(name)
      return names[owner[world]![variable]!]![variable]!
    },
  }
}

function unused(name: string, taken: Set<string>): string {
  let free = name
  while (taken.has(free)) free += "'"
  taken.add(free)
  return free
}

/** A variable that two worlds compute needs to be a function of its parents: a table with chances leaves open how worlds share them. */
function requireMechanism(network: BayesianNetwork, variable: number): void {
  const { name, states, parents, cpt } = network.variables[variable]!
  const at = cpt.findIndex(p => p > 0 && p < 1)
  if (at < 0) return
  let rest = Math.floor(at / states.length)
  const given: string[] = []
  for (const parent of [...parents].reverse()) {
    const { name: own, states: ownStates } = network.variables[parent]!
    given.unshift(`${own}=${ownStates[rest % ownStates.length]}`)
    rest = Math.floor(rest / ownStates.length)
  }
  const row = `P(${name}=${states[at % states.length]}${given.length > 0 ? ` | ${given.join(', ')}` : ''}) = ${Number(cpt[at]!.toPrecision(6))}`
  throw new HenceError('OPTION_INVALID', `what ${name} would have been is left open by its table: ${row}`, {
    variable: name,
    given,
    probability: cpt[at],
    hint: `Give ${name} a parent without parents of its own that stands for chance, so that every row of ${name} is 0s and a 1.`,
  })
}
