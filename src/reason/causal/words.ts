import type { CausalGraph } from './causal-graph.ts'
import { type CounterfactualAnswer, type CounterfactualQuestion, printTerm } from './counterfactual.ts'
import type { EffectNumbers, EffectRow } from './effect-numbers.ts'
import type { EffectQuestion } from './estimand-text.ts'
import type { Hedge } from './identify.ts'
import { collidersOf, type OpenPath } from './separation.ts'

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? 'nothing') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** A path as it is written: `smoke <- gene -> cancer`. */
export function printPath(graph: CausalGraph, { start, steps }: OpenPath): string {
  return [graph.variables[start]!, ...steps.map(({ edge, node }) => `${edge} ${graph.variables[node]!}`)].join(' ')
}

/** Why two sets depend on each other, or that they do not. */
export function separationWords(
  graph: CausalGraph,
  { a, b, given }: { a: readonly string[]; b: readonly string[]; given: readonly string[] },
  path: OpenPath | undefined,
): string {
  const held = given.length === 0 ? 'With nothing held fixed' : `With ${listed(given)} held fixed`
  if (!path) return `${held}, ${listed(a)} and ${listed(b)} are independent: every path between them is blocked.`
  const opened = graph.namesOf(collidersOf(path))
  const why =
    opened.length === 0 ? '' : ` Two arrowheads meet at ${listed(opened)}, which is open because it or an effect of it is held fixed.`
  return `${held}, ${listed(a)} and ${listed(b)} can depend on each other along ${printPath(graph, path)}.${why}`
}

/** What a formula does, for someone who does not read formulas. */
export function effectWords({
  question: { effects, causes, given = [] },
  method,
  through,
  backDoor,
}: {
  question: EffectQuestion
  method: 'no effect' | 'adjustment' | 'front door' | 'identification'
  through: readonly string[]
  backDoor: string | undefined
}): string {
  const [x, y, z] = [listed(causes), listed(effects), listed(through)]
  switch (method) {
    case 'no effect':
      return `Nothing leads from ${x} to ${y}: setting ${x} changes nothing about ${y}${backDoor ? `, though seeing it does (${backDoor})` : ''}.`
    case 'adjustment':
      if (through.length === 0) return `Only effects of ${x} connect it with ${y}, so seeing ${x} tells as much as setting it.`
      return (
        `${x} and ${y} are connected by ${backDoor ?? 'more than effects'} too, which is not an effect of ${x}. ` +
        `Cases alike in ${z} are free of that: compare within each ${z}, and average by how common each is.`
      )
    case 'front door':
      return (
        `${x} and ${y} are connected by ${backDoor ?? 'unmeasured causes'} too, and nothing measured blocks that. ` +
        `But all that ${x} does to ${y} goes through ${z}: what ${x} does to ${z} can be seen, ` +
        `and what ${z} does to ${y} by comparing cases alike in ${x}.`
      )
    case 'identification': {
      if (causes.length === 0) return `Nothing is set, so this is what observations say about ${y}.`
      const among = given.length > 0 ? `, among cases with a known ${listed(given)}` : ''
      return `The effect of ${x} on ${y}${among} follows from observations by the formula, for every model with this graph.`
    }
  }
}

/** Why there is no formula. */
export function hedgeWords(
  graph: CausalGraph,
  { effects, causes }: EffectQuestion,
  { forest, subforest }: Hedge,
  wouldHelp: readonly string[],
): string {
  const acting = forest.filter(name => !subforest.includes(name))
  const seen = graph.namesOf(graph.observed)
  return [
    `No amount of data on ${seen.length > 12 ? `the ${seen.length} observed variables` : listed(seen)} determines the effect of ${listed(causes)} on ${listed(effects)}.`,
    `Unmeasured causes tie ${listed(forest)} together, and ${listed(acting)} ${acting.length === 1 ? 'acts' : 'act'} on ${listed(subforest)} within:`,
    'two models can agree on everything observed and differ in the effect.',
    wouldHelp.length > 0 ? `Measuring ${wouldHelp.length > 1 ? 'any of ' : ''}${listed(wouldHelp)} would settle it.` : '',
  ]
    .filter(Boolean)
    .join(' ')
}

/** What numbers say: a comparison of doing and seeing where there are two settings to compare. */
export function numberWords({ effects, states, rows }: EffectNumbers): string[] {
  const [first, second] = rows
  if (rows.some(({ bounds }) => bounds)) return boundWords({ effects, states, rows })
  if (rows.length !== 2 || !first?.doing || !second?.doing || states.length > 2) return []
  const at = states.length - 1
  const event = `P(${effects.map((name, i) => `${name}=${states[at]![i]}`).join(', ')})`
  const setting = (row: EffectRow): string => listed(Object.entries(row.set).map(([name, state]) => `${name}=${state}`))
  const [done, seen] = [second.doing[at]! - first.doing[at]!, second.seeing[at]! - first.seeing[at]!]
  const steps = (from: number, to: number): string => `from ${rounded(from)} to ${rounded(to)} (${signed(to - from)})`
  const isOpposite = done * seen < 0 && Math.min(Math.abs(done), Math.abs(seen)) > 1e-9
  return [
    `Setting ${setting(second)} instead of ${setting(first)} takes ${event} ${steps(first.doing[at]!, second.doing[at]!)};`,
    `merely seeing it goes ${steps(first.seeing[at]!, second.seeing[at]!)}${isOpposite ? ", the opposite way: Simpson's paradox" : ''}.`,
  ]
}

/** Where nothing is determined: what observations leave open. */
function boundWords({ effects, states, rows }: EffectNumbers): string[] {
  const at = states.length - 1
  const event = effects.map((name, i) => `${name}=${states[at]![i]}`).join(', ')
  const parts = rows.flatMap(({ set, bounds }) => {
    const bound = bounds?.[at]
    const setting = Object.entries(set).map(([name, state]) => `${name}=${state}`)
    return bound ? [`P(${event} | do(${setting.join(', ')})) from ${rounded(bound[0])} to ${rounded(bound[1])}`] : []
  })
  return parts.length === 0 || parts.length > 4 || states.length > 2 ? [] : [`The data leave ${listed(parts)} open.`]
}

/** What would have been, in a sentence. */
export function counterfactualWords(
  { ask, given }: CounterfactualQuestion,
  { values, pGiven }: CounterfactualAnswer,
  states: readonly (readonly string[])[],
): string {
  const known = given.length === 0 ? '' : `Given ${listed(given.map(printTerm))}, which has probability ${rounded(pGiven)}, `
  const worlds = [...new Set(ask.map(({ world }) => listed(Object.entries(world).map(([name, state]) => `${name} been ${state}`))))]
  const had = worlds.length === 1 && worlds[0] !== 'nothing' ? `had ${worlds[0]}, ` : ''
  const outcome = ask.map(({ variable, state, world }) => printTerm({ variable, state, world: had === '' ? world : {} }))
  const numbers =
    values.length === 1
      ? `the probability of ${listed(outcome)} would have been ${rounded(values[0]!)}`
      : `${listed(outcome)} would have been ${[...values].map((p, at) => `${label(states, at)} with probability ${rounded(p)}`).join(', ')}`
  const sentence = `${known}${had}${numbers}.`
  return sentence[0]!.toUpperCase() + sentence.slice(1)
}

function label(states: readonly (readonly string[])[], at: number): string {
  let rest = at
  const names: string[] = []
  for (const own of [...states].reverse()) {
    names.unshift(own[rest % own.length]!)
    rest = Math.floor(rest / own.length)
  }
  return names.join(' and ')
}

function rounded(p: number): string {
  return String(Number(p.toPrecision(4)))
}

function signed(difference: number): string {
  const text = rounded(Math.abs(difference) < 1e-12 ? 0 : difference)
  return difference > 0 && text !== '0' ? `+${text}` : text.replace('-', '−')
}
