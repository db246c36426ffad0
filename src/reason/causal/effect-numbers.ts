import { HenceError } from '../../core/index.ts'
import type { Steps } from '../bayes/steps.ts'
import type { CausalQuery } from './causal-query.ts'
import type { Bounds } from './effect-bounds.ts'
import { type Estimand, freeVariables, probability } from './estimand.ts'
import { evaluateEstimand, type ObservedDistribution } from './evaluate-estimand.ts'
import { cellsOf, orderTable } from './value-table.ts'

/** The effect for one setting of the causes and conditions. */
export interface EffectRow {
  /** What is set. */
  readonly set: Readonly<Record<string, string>>
  /** What is known. */
  readonly given: Readonly<Record<string, string>>
  /** P(effects | do(set), given) for each state; absent where it cannot be known. NaN where the data have no such case. */
  readonly doing?: readonly number[]
  /** Where it cannot be known: the least and the largest value that fit what is observed, for each state. */
  readonly bounds?: readonly Bounds[]
  /** P(effects | set, given): what merely seeing it says. */
  readonly seeing: readonly number[]
}

/** An effect as numbers. */
export interface EffectNumbers {
  readonly effects: readonly string[]
  /** State of each effect, for each entry of `doing` and `seeing`. */
  readonly states: readonly (readonly string[])[]
  readonly rows: readonly EffectRow[]
}

const MAX_ROWS = 1024

/** Computes P(effects | do(set), given) for a setting. */
export type DoNumbers = (set: ReadonlyMap<string, number>, given: ReadonlyMap<string, number>) => Steps<Float64Array>

/** Bounds for all states of the effect when the cause has a state, or undefined. */
export type BoundNumbers = (state: number) => Steps<readonly Bounds[] | undefined>

/**
 * Numbers for every setting a question leaves open.
 *
 * @param doing - undefined where they cannot be known
 * @param bounds - for one cause and one effect, where they cannot be known
 * @throws HenceError `OPTION_INVALID` for unknown states
 */
export function* effectNumbers(
  query: CausalQuery,
  source: ObservedDistribution,
  doing: DoNumbers | undefined,
  bounds?: BoundNumbers,
): Steps<EffectNumbers> {
  const effects = [...new Set(query.effects.map(({ variable }) => variable))]
  const states = combinations(
    effects.map(name => {
      const asked = query.effects.flatMap(({ variable, state }) => (variable === name && state !== undefined ? [state] : []))
      return { name, states: asked.length > 0 ? asked.map(state => stateOf(source, name, state)) : all(source, name) }
    }),
  )
  const settings = (terms: CausalQuery['causes']): ReadonlyMap<string, number>[] =>
    combinations(
      terms.map(({ variable: name, state }) => ({
        name,
        states: state === undefined ? all(source, name) : [stateOf(source, name, state)],
      })),
    )
  const [sets, givens] = [settings(query.causes), settings(query.given)]
  if (sets.length * givens.length > MAX_ROWS)
    throw new HenceError(
      'OPTION_INVALID',
      `the question has ${sets.length * givens.length} settings, more than ${MAX_ROWS}; give some of them states`,
    )
  const sizes = effects.map(name => source.states(name).length)
  const pick = (values: Float64Array): number[] =>
    states.map(chosen => values[effects.reduce((at, name, i) => at * sizes[i]! + chosen.get(name)!, 0)]!)
  const named = (chosen: ReadonlyMap<string, number>): Record<string, string> =>
    Object.fromEntries([...chosen].map(([name, state]) => [name, source.states(name)[state]!]))
  const rows: EffectRow[] = []
  for (const given of givens)
    for (const set of sets) {
      const seen = probability(effects, [...set.keys(), ...given.keys()])
      const seeing = pick(yield* formulaNumbers(seen, effects, source)(set, given))
      const [cause] = set.values()
      const bounded = bounds && cause !== undefined ? yield* bounds(cause) : undefined
      rows.push({
        set: named(set),
        given: named(given),
        ...(doing ? { doing: pick(yield* doing(set, given)) } : {}),
        ...(bounded ? { bounds: states.map(chosen => bounded[chosen.get(effects[0]!)!]!) } : {}),
        seeing,
      })
    }
  return { effects, states: states.map(chosen => effects.map(name => source.states(name)[chosen.get(name)!]!)), rows }
}

/** Numbers by a formula. Variables it mentions but does not depend on take their likeliest states. */
export function formulaNumbers(estimand: Estimand, effects: readonly string[], source: ObservedDistribution): DoNumbers {
  return function* (set, given) {
    const fixed = new Map([...set, ...given])
    const others = [...freeVariables(estimand)].filter(name => !fixed.has(name) && !effects.includes(name))
    if (others.length > 0) {
      const values = yield* source.joint(others)
      let rest = values.indexOf(values.reduce((most, p) => Math.max(most, p), 0))
      for (const name of others.reverse()) {
        const size = source.states(name).length
        fixed.set(name, rest % size)
        rest = Math.floor(rest / size)
      }
    }
    const table = yield* evaluateEstimand(estimand, source, fixed)
    return orderTable(table, effects).values
  }
}

function all(source: ObservedDistribution, name: string): number[] {
  return [...source.states(name).keys()]
}

function stateOf(source: ObservedDistribution, name: string, state: string): number {
  const known = source.states(name)
  const at = known.indexOf(state)
  if (at >= 0) return at
  throw new HenceError(
    'OPTION_INVALID',
    `${name} has no state "${state}"; it has ${known.slice(0, 12).join(', ')}${known.length > 12 ? ', …' : ''}`,
    {
      variable: name,
      state,
    },
  )
}

/** Every combination of a state of each, the last one changing fastest. */
function combinations(parts: readonly { readonly name: string; readonly states: readonly number[] }[]): ReadonlyMap<string, number>[] {
  cellsOf(parts.map(({ states }) => states.length))
  return parts.reduce<ReadonlyMap<string, number>[]>(
    (rows, { name, states }) => rows.flatMap(row => states.map(state => new Map([...row, [name, state]]))),
    [new Map()],
  )
}
