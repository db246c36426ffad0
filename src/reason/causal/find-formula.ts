import { type Effect, listAdjustmentSets, mediatorsAndEffects } from './adjustment.ts'
import type { CausalGraph } from './causal-graph.ts'
import { type Estimand, probability, product, sum } from './estimand.ts'
import { type EffectQuestion, type Formula, printEstimand, printQuestion } from './estimand-text.ts'
import { listFrontDoorSets } from './front-door.ts'
import { type Hedge, identifyEffect } from './identify.ts'
import { descendantsOf, withoutEdgesOutOf } from './mixed-graph.ts'
import { openPath } from './separation.ts'
import { effectWords, hedgeWords, printPath } from './words.ts'

/** How an effect is computed from what can be observed; the first that applies. */
export type EffectMethod = 'no effect' | 'adjustment' | 'front door' | 'identification'

/** An effect that observations determine. */
export interface EffectFormula {
  readonly isIdentifiable: true
  readonly method: EffectMethod
  /** The set that is adjusted for, or the front door. */
  readonly through: readonly string[]
  readonly estimand: Estimand
  /** The equation: the question, what it equals. */
  readonly formula: Formula
  readonly words: string
}

/** An effect that no amount of observations determines, and why. */
export interface NoFormula {
  readonly isIdentifiable: false
  readonly hedge: Hedge
  /** Hidden variables of the graph each of which would settle it, if it were measured; those found within a second. */
  readonly wouldHelp: readonly string[]
  readonly words: string
}

/** What the graph says about an effect. */
export type Identification = EffectFormula | NoFormula

/**
 * The simplest formula for P(effects | do(causes), given) from observations, or why there is none.
 *
 * @throws HenceError `OPTION_INVALID` for unknown or hidden variables, or one in two places
 */
export function findFormula(graph: CausalGraph, question: EffectQuestion): Identification {
  const found = identifyEffect(graph, question)
  if ('hedge' in found) {
    const hidden = graph.namesOf(graph.hidden)
    const deadline = performance.now() + HELP_MS
    const wouldHelp = hidden.filter(name => {
      if (performance.now() > deadline) return false
      return 'estimand' in identifyEffect(graph.withHidden(hidden.filter(other => other !== name)), question)
    })
    return { isIdentifiable: false, hedge: found.hedge, wouldHelp, words: hedgeWords(graph, question, found.hedge, wouldHelp) }
  }
  const { given = [] } = question
  const simple = given.length > 0 || question.causes.length === 0 ? undefined : simpleFormula(graph, question)
  const { method, through, estimand } = simple ?? { method: 'identification' as const, through: [], estimand: found.estimand }
  const [left, right] = [printQuestion(question), printEstimand(estimand, question)]
  return {
    isIdentifiable: true,
    method,
    through,
    estimand,
    formula: { text: `${left.text} = ${right.text}`, latex: `${left.latex} = ${right.latex}` },
    words: effectWords({ question, method, through, backDoor: backDoorOf(graph, question) }),
  }
}

/** How long hidden variables are tried one by one. */
const HELP_MS = 1000
/** Sets are looked for among this many. */
const SEARCHED = 8

function simpleFormula(
  graph: CausalGraph,
  { effects, causes }: EffectQuestion,
): { method: EffectMethod; through: string[]; estimand: Estimand } | undefined {
  const effect: Effect = { causes: graph.nodes(causes), effects: graph.nodes(effects), observed: graph.observed }
  const reached = descendantsOf(graph, effect.causes)
  if (![...effect.effects].some(node => reached.has(node))) return { method: 'no effect', through: [], estimand: probability(effects) }
  const [adjusted] = listAdjustmentSets(graph, effect, { maxSets: SEARCHED }).sets
  if (adjusted) {
    const through = graph.namesOf(adjusted)
    const estimand = sum(through, product([probability(effects, [...causes, ...through]), probability(through)]))
    return { method: 'adjustment', through, estimand }
  }
  const [door] = listFrontDoorSets(graph, effect, { maxSets: SEARCHED }).sets
  if (!door) return undefined
  const through = graph.namesOf(door)
  const behind = sum(causes, product([probability(effects, [...causes, ...through]), probability(causes)]))
  return { method: 'front door', through, estimand: sum(through, product([probability(through, causes), behind])) }
}

/** A path that connects causes and effects without being an effect, where nothing is held fixed. */
function backDoorOf(graph: CausalGraph, { effects, causes }: EffectQuestion): string | undefined {
  const [x, y] = [graph.nodes(causes), graph.nodes(effects)]
  const cut = withoutEdgesOutOf(graph, x, mediatorsAndEffects(graph, { causes: x, effects: y }))
  const path = openPath(cut, x, y, new Set())
  return path && printPath(graph, path)
}
