import { type DiscreteNetworkDescription, type DiscreteVariableDescription, HenceError, nearest } from '../../core/index.ts'
import { findCycle } from './find-cycle.ts'
import { expandNoisyMax } from './noisy-max.ts'
import { type RowReport, readTable } from './read-table.ts'

/** Hence's own limits: the largest networks in use have some ten thousand variables and a hundred states. */
const MAX_VARIABLES = 200_000
const MAX_STATES = 65_536
/** 1 GiB of probabilities in all tables together. */
const MAX_CELLS = 2 ** 27

/** A variable of a {@link BayesianNetwork}. Variables, parents and states are numbered from 0. */
export interface DiscreteVariable {
  readonly name: string
  /** Its place in {@link BayesianNetwork.variables}. */
  readonly index: number
  readonly states: readonly string[]
  /** Indices of the parents. */
  readonly parents: readonly number[]
  /**
   * P(variable | parents), a row for every combination of the parents' states: shape [states of each parent…, own states], the
   * first parent slowest, the own state fastest. Every row sums to 1. Never written to.
   */
  readonly cpt: Float64Array
}

/** A Bayesian network over discrete variables. It never changes; make one with {@link buildNetwork}. */
export interface BayesianNetwork {
  readonly name: string
  readonly variables: readonly DiscreteVariable[]
  /** Indices of all variables, parents before children. */
  readonly order: readonly number[]
  /** Indices of the children of each variable. */
  readonly children: readonly (readonly number[])[]
  /** What was done to the rows of the tables so that each sums to 1. */
  readonly rows: RowReport
  /** The number of a variable. @throws HenceError `OPTION_INVALID` with the nearest name */
  indexOf(variable: string): number
  /** The number of a state of a variable. @throws HenceError `OPTION_INVALID` with the nearest name */
  stateOf(variable: number, state: string | number): number
}

/**
 * Makes a network from plain data. Variables may come in any order.
 *
 * @throws HenceError `NETWORK_INVALID` (names given twice or unknown, cycles, tables of the wrong size, rows that do not sum to 1),
 *   `FILE_LIMIT`
 */
export function buildNetwork({ name, variables }: DiscreteNetworkDescription): BayesianNetwork {
  if (variables.length > MAX_VARIABLES) throw tooMany(`${variables.length} variables`, MAX_VARIABLES)
  const indexByName = new Map<string, number>()
  for (const [index, variable] of variables.entries()) {
    if (indexByName.has(variable.name)) throw invalid(`the variable ${variable.name} is defined twice`, { variable: variable.name })
    indexByName.set(variable.name, index)
    checkStates(variable)
  }
  const parents = variables.map(variable => parentsOf(variable, indexByName))
  const children: number[][] = variables.map(() => [])
  for (const [index, list] of parents.entries()) for (const parent of list) children[parent]!.push(index)
  const order = topologicalOrder(parents, children)
  if (order.length < variables.length) {
    const cycle = findCycle(children).map(index => variables[index]!.name)
    throw invalid(`the network has a cycle: ${cycle.join(' → ')}`, { cycle })
  }
  const report = { count: 0, normalized: 0, worstDeviation: 0 }
  let cells = 0
  const built = variables.map((variable, index) => {
    const { states } = variable
    const rows = parents[index]!.reduce((product, parent) => product * variables[parent]!.states.length, 1)
    cells += rows * states.length
    if (cells > MAX_CELLS) throw tooMany(`${cells} cells in the tables up to that of ${variable.name}`, MAX_CELLS)
    const shape = [...parents[index]!.map(parent => variables[parent]!), variable]
    return Object.freeze({
      name: variable.name,
      index,
      states: Object.freeze([...states]),
      parents: Object.freeze(parents[index]!),
      cpt: readTable(tableOf(variable, shape), shape, report),
    })
  })
  return Object.freeze(new Network(name, Object.freeze(built), order, children, report))
}

function tableOf({ name, table, noisyMax }: DiscreteVariableDescription, shape: readonly DiscreteVariableDescription[]): ArrayLike<number> {
  if (noisyMax && !table) return expandNoisyMax(noisyMax, shape)
  if (table && !noisyMax) return table
  throw invalid(`the variable ${name} needs either a table or a noisy-max`, { variable: name })
}

class Network implements BayesianNetwork {
  readonly name: string
  readonly variables: readonly DiscreteVariable[]
  readonly order: readonly number[]
  readonly children: readonly (readonly number[])[]
  readonly rows: RowReport
  readonly #indexByName: ReadonlyMap<string, number>
  readonly #stateByName: (ReadonlyMap<string, number> | undefined)[]

  constructor(
    name: string,
    variables: readonly DiscreteVariable[],
    order: readonly number[],
    children: readonly (readonly number[])[],
    rows: RowReport,
  ) {
    this.name = name
    this.variables = variables
    this.order = order
    this.children = children
    this.rows = rows
    this.#indexByName = new Map(variables.map(variable => [variable.name, variable.index]))
    this.#stateByName = variables.map(() => undefined)
  }

  indexOf(variable: string): number {
    const index = this.#indexByName.get(variable)
    if (index === undefined) throw unknownName(`the network has no variable ${shown(variable)}`, String(variable), this.#indexByName.keys())
    return index
  }

  stateOf(variable: number, state: string | number): number {
    const { name, states } = this.variables[variable]!
    if (typeof state === 'number') {
      if (Number.isInteger(state) && state >= 0 && state < states.length) return state
      throw new HenceError('OPTION_INVALID', `${name} has the states 0 to ${states.length - 1}, not ${state}`, { variable: name, state })
    }
    this.#stateByName[variable] ??= new Map(states.map((text, index) => [text, index]))
    const index = this.#stateByName[variable].get(state)
    if (index === undefined) throw unknownName(`${name} has no state ${shown(state)}`, String(state), states)
    return index
  }
}

function checkStates({ name, states }: DiscreteVariableDescription): void {
  if (typeof name !== 'string' || name === '') throw invalid('a variable has no name', {})
  if (states.length === 0) throw invalid(`the variable ${name} has no states`, { variable: name })
  if (states.length > MAX_STATES) throw tooMany(`${states.length} states of ${name}`, MAX_STATES)
  const seen = new Set<string>()
  for (const state of states) {
    if (seen.has(state)) throw invalid(`the variable ${name} has the state ${shown(state)} twice`, { variable: name, state })
    seen.add(state)
  }
}

function parentsOf({ name, parents = [] }: DiscreteVariableDescription, indexByName: ReadonlyMap<string, number>): number[] {
  const list = new Set<number>()
  for (const parent of parents) {
    const index = indexByName.get(parent)
    if (index === undefined) {
      const close = nearest(parent, indexByName.keys())
      const remark = close === undefined ? '' : `; did you mean ${close}?`
      throw invalid(`the parent ${shown(parent)} of ${name} is no variable of the network${remark}`, {
        variable: name,
        parent,
        nearest: close,
      })
    }
    if (list.has(index)) throw invalid(`${name} has the parent ${parent} twice`, { variable: name, parent })
    list.add(index)
  }
  return [...list]
}

/** Parents before children; shorter than the network where there is a cycle. */
function topologicalOrder(parents: readonly (readonly number[])[], children: readonly (readonly number[])[]): number[] {
  const waiting = parents.map(list => list.length)
  const order = parents.flatMap((list, index) => (list.length === 0 ? [index] : []))
  for (let at = 0; at < order.length; at++) {
    for (const child of children[order[at]!]!) if (--waiting[child]! === 0) order.push(child)
  }
  return order
}

function unknownName(message: string, name: string, known: Iterable<string>): HenceError {
  const names = [...known]
  const close = nearest(name, names)
  const listed = names.length <= 10 ? `; it has ${names.join(', ')}` : ''
  return new HenceError('OPTION_INVALID', `${message}${close === undefined ? listed : `; did you mean ${shown(close)}?`}`, {
    name,
    nearest: close,
    ...(names.length <= 50 ? { known: names } : {}),
  })
}

function invalid(message: string, details: Readonly<Record<string, unknown>>): HenceError {
  return new HenceError('NETWORK_INVALID', message, details)
}

function tooMany(what: string, limit: number): HenceError {
  return new HenceError('FILE_LIMIT', `${what} are more than ${limit}, a limit of Hence's networks`, { limit })
}

function shown(name: unknown): string {
  return JSON.stringify(name)
}
