import { HenceError } from '../../core/index.ts'
import { BayesNet } from '../bayes/bayes-net.ts'
import type { BayesianNetwork } from '../bayes/network.ts'
import { runSteps, runStepsAsync, type Steps, type TimeLimits } from '../bayes/steps.ts'
import { type Effect, listAdjustmentSets, listBackDoorSets } from './adjustment.ts'
import { CausalGraph, type CausalGraphParts } from './causal-graph.ts'
import { type CausalQuery, parseCausalQuery } from './causal-query.ts'
import { type Case, countedSource } from './counted-source.ts'
import { answerCounterfactual, type CounterfactualAnswer, printTerm } from './counterfactual.ts'
import { effectBounds } from './effect-bounds.ts'
import { type BoundNumbers, type DoNumbers, type EffectNumbers, effectNumbers, formulaNumbers } from './effect-numbers.ts'
import type { EffectQuestion } from './estimand-text.ts'
import type { ObservedDistribution } from './evaluate-estimand.ts'
import { findFormula, type Identification } from './find-formula.ts'
import { listFrontDoorSets } from './front-door.ts'
import { parseCausalGraph } from './graph-text.ts'
import { listInstruments } from './instruments.ts'
import { networkJoint, networkSource } from './network-joint.ts'
import { type OpenPath, openPath } from './separation.ts'
import type { ListLimits, MinimalSets } from './separators.ts'
import { counterfactualWords, numberWords, printPath, separationWords } from './words.ts'

/** Whether two sets of variables are independent in every model with a graph, and if not, along which path. */
export interface Separation {
  readonly isSeparated: boolean
  /** A shortest open path, as it is written. */
  readonly path?: string
  /** The variables on it, in order. */
  readonly nodes?: readonly string[]
  readonly words: string
}

/** Sets of variables by which an effect can be found, each of which nothing can be left out of. */
export interface EffectStrategies {
  /** Sets to adjust for: every one there is. */
  readonly adjustment: readonly (readonly string[])[]
  /** Those that meet Pearl's back-door criterion. */
  readonly backDoor: readonly (readonly string[])[]
  readonly frontDoor: readonly (readonly string[])[]
  /** Variables that move the effect by way of the cause only, each with what to condition on. */
  readonly instruments: readonly { readonly variable: string; readonly given: readonly string[] }[]
  /** False when a list stopped at its limit. */
  readonly isComplete: boolean
}

/** An answer to P(effects | do(causes), given): as formula, in words, and as numbers where there is something to compute them from. */
export type EffectAnswer = Identification & { readonly kind: 'effect'; readonly query: CausalQuery; readonly numbers?: EffectNumbers }

/** An answer about what would have been. */
export interface WhatIfAnswer extends CounterfactualAnswer {
  readonly kind: 'counterfactual'
  readonly query: CausalQuery
  /** Names of states of each term without one. */
  readonly states: readonly (readonly string[])[]
  readonly words: string
}

/** What {@link CausalModel.ask} answers. */
export type CausalAnswer = EffectAnswer | WhatIfAnswer

/** What is known beside the graph. */
export interface CausalModelOptions {
  /** Variables that are taken as unobserved, beside those the graph says are. */
  readonly hidden?: readonly string[] | undefined
  /** Observed cases, to compute numbers from; a network brings its own. */
  readonly data?: Iterable<Case> | undefined
}

/** What a {@link CausalModel} is made of. */
export interface CausalModelParts {
  readonly graph: CausalGraph
  readonly network?: BayesianNetwork | undefined
  readonly source?: ObservedDistribution | undefined
}

/** A causal graph that answers questions, with numbers where there is a network or data. Make one with {@link causalModel}. */
export class CausalModel {
  readonly kind = 'causal' as const
  readonly graph: CausalGraph
  readonly network: BayesianNetwork | undefined
  /** What is known about the observed variables together, where anything is. */
  readonly source: ObservedDistribution | undefined

  constructor({ graph, network, source }: CausalModelParts) {
    this.graph = graph
    this.network = network
    this.source = source
  }

  /** Whether `given` separates `a` from `b` (d-separation). @throws HenceError `OPTION_INVALID` */
  separation(a: string | readonly string[], b: string | readonly string[], given: string | readonly string[] = []): Separation {
    const { graph } = this
    const [x, y, z] = [graph.nodes(a), graph.nodes(b), graph.nodes(given)]
    for (const node of graph.variables.keys())
      if (Number(x.has(node)) + Number(y.has(node)) + Number(z.has(node)) > 1)
        throw new HenceError('OPTION_INVALID', `${graph.variables[node]} is in two of the three sets`, { variable: graph.variables[node] })
    const path = openPath(graph, x, y, z)
    const words = separationWords(graph, { a: graph.namesOf(x), b: graph.namesOf(y), given: graph.namesOf(z) }, path)
    return { isSeparated: path === undefined, ...(path ? { path: printPath(graph, path), nodes: pathNodes(graph, path) } : {}), words }
  }

  /** Every way to find an effect by sets of observed variables. @throws HenceError `OPTION_INVALID` */
  strategies(cause: string | readonly string[], effect: string | readonly string[], limits: ListLimits = {}): EffectStrategies {
    const { graph } = this
    const question: Effect = { causes: graph.nodes(cause), effects: graph.nodes(effect), observed: graph.observed }
    for (const node of question.effects)
      if (question.causes.has(node)) throw new HenceError('OPTION_INVALID', `${graph.variables[node]} is both cause and effect`)
    const lists = [listAdjustmentSets, listBackDoorSets, listFrontDoorSets].map(list => list(graph, question, limits))
    const [adjustment, backDoor, frontDoor] = lists.map(({ sets }: MinimalSets) => sets.map(set => graph.namesOf(set)))
    return {
      adjustment: adjustment!,
      backDoor: backDoor!,
      frontDoor: frontDoor!,
      instruments: listInstruments(graph, question).map(({ node, given }) => ({
        variable: graph.variables[node]!,
        given: graph.namesOf(given),
      })),
      isComplete: lists.every(({ isComplete }) => isComplete),
    }
  }

  /** The formula for P(effects | do(causes), given) from observations, or the hedge that rules one out. @throws HenceError `OPTION_INVALID` */
  identify(question: EffectQuestion): Identification {
    return findFormula(this.graph, question)
  }

  /**
   * Answers a question in the usual notation: `P(y=yes | do(x=no))`, `P(y[x=no]=yes | x=yes)`.
   *
   * @throws HenceError `OPTION_INVALID`, `EVIDENCE_IMPOSSIBLE`, `INFERENCE_TOO_LARGE`, `ABORTED` when `timeoutMs` is over
   * @example
   * ```ts
   * import { causalModel } from 'hence'
   * const model = causalModel('smoking -> tar -> cancer; smoking <-> cancer')
   * const answer = model.ask('P(cancer | do(smoking))')
   * if (answer.kind === 'effect' && answer.isIdentifiable) answer.formula.text
   * ```
   */
  ask(question: string | CausalQuery, limits: Pick<TimeLimits, 'timeoutMs'> = {}): CausalAnswer {
    return runSteps(this.#answer(question), limits)
  }

  /** Answers as {@link ask} without holding up the event loop. */
  askAsync(question: string | CausalQuery, limits: TimeLimits = {}): Promise<CausalAnswer> {
    return runStepsAsync(this.#answer(question), limits)
  }

  *#answer(question: string | CausalQuery): Steps<CausalAnswer> {
    const query = typeof question === 'string' ? parseCausalQuery(question) : question
    const isWhatIf = [...query.effects, ...query.given].some(({ world }) => Object.keys(world).length > 0)
    return isWhatIf ? yield* this.#whatIf(query) : yield* this.#effect(query)
  }

  *#effect(query: CausalQuery): Steps<EffectAnswer> {
    const names = (terms: readonly { readonly variable: string }[]): string[] => [...new Set(terms.map(({ variable }) => variable))]
    const question = { effects: names(query.effects), causes: names(query.causes), given: names(query.given) }
    const found = this.identify(question)
    const { source } = this
    if (!source) {
      const withState = [...query.effects, ...query.causes, ...query.given].find(({ state }) => state !== undefined)
      if (withState)
        throw new HenceError(
          'OPTION_INVALID',
          `a causal graph alone has no states, so none of ${withState.variable}; numbers need a network or data`,
          {
            variable: withState.variable,
            hint: 'Ask for the formula without states, or give { data } or a network.',
          },
        )
      return { kind: 'effect', query, ...found }
    }
    const doing = found.isIdentifiable
      ? (this.#byIntervening(question) ?? formulaNumbers(found.estimand, question.effects, source))
      : undefined
    const numbers = yield* effectNumbers(query, source, doing, doing ? undefined : this.#bounds(question, source))
    return { kind: 'effect', query, ...found, numbers, words: [found.words, ...numberWords(numbers)].join(' ') }
  }

  /** With a whole network and nothing hidden, intervening in it is the quickest way to the number. */
  #byIntervening({ effects }: EffectQuestion): DoNumbers | undefined {
    const { network, graph } = this
    if (!network || graph.hidden.size > 0) return undefined
    return function* (set, given) {
      return (yield* networkJoint(network, effects, { do: Object.fromEntries(set), given: Object.fromEntries(given) })).values
    }
  }

  /** For one cause and one effect, where the formula is missing. */
  #bounds({ causes, effects, given = [] }: EffectQuestion, source: ObservedDistribution): BoundNumbers | undefined {
    const [cause, effect] = [causes[0], effects[0]]
    if (causes.length !== 1 || effects.length !== 1 || given.length > 0 || cause === undefined || effect === undefined) return undefined
    const instrument = this.strategies(cause, effect).instruments.find(one => one.given.length === 0)?.variable
    return function* (state) {
      const known = { cause, effect, state }
      const byInstrument = instrument === undefined ? undefined : yield* effectBounds(source, { ...known, instrument })
      return byInstrument ?? (yield* effectBounds(source, known))
    }
  }

  *#whatIf(query: CausalQuery): Steps<WhatIfAnswer> {
    const { network } = this
    if (!network)
      throw new HenceError(
        'OPTION_INVALID',
        'what would have been takes a network whose variables are functions of their parents and of chance',
        {
          hint: 'Load a network in which every row of an inner variable is 0s and a 1, with chance in variables without parents.',
        },
      )
    const inAllWorlds = Object.fromEntries(query.causes.map(({ variable, state }) => [variable, requireState(variable, state)]))
    const ask = query.effects.map(term => ({ ...term, world: { ...inAllWorlds, ...term.world } }))
    const given = query.given.map(term => ({ ...term, state: requireState(printTerm(term), term.state) }))
    const answer = yield* answerCounterfactual(network, { ask, given })
    const states = ask
      .filter(({ state }) => state === undefined)
      .map(({ variable }) => network.variables[network.indexOf(variable)]!.states)
    return { kind: 'counterfactual', query, ...answer, states, words: counterfactualWords({ ask, given }, answer, states) }
  }
}

function pathNodes(graph: CausalGraph, { start, steps }: OpenPath): string[] {
  return [start, ...steps.map(({ node }) => node)].map(node => graph.variables[node]!)
}

function requireState(what: string, state: string | undefined): string {
  if (state !== undefined) return state
  throw new HenceError('OPTION_INVALID', `what would have been needs to know the state of ${what}`, { hint: `Write ${what}=….` })
}

/**
 * A model that answers questions about causes.
 *
 * @param source - a graph as text (see {@link parseCausalGraph}) or parts, or a Bayesian network whose arcs are read as causes
 * @throws HenceError `CAUSAL_GRAPH_INVALID`, `OPTION_INVALID`
 */
export function causalModel(
  source: string | CausalGraphParts | CausalGraph | BayesNet | BayesianNetwork,
  { hidden = [], data }: CausalModelOptions = {},
): CausalModel {
  const network = source instanceof BayesNet ? source.network : typeof source === 'object' && 'rows' in source ? source : undefined
  const graph = network
    ? graphOfNetwork(network)
    : source instanceof CausalGraph
      ? source
      : typeof source === 'string'
        ? parseCausalGraph(source)
        : new CausalGraph(source as CausalGraphParts)
  const all = hidden.length > 0 ? graph.withHidden([...graph.namesOf(graph.hidden), ...hidden]) : graph
  if (network && data) throw new HenceError('OPTION_INVALID', 'a network has its own numbers; data go with a graph')
  const observed = network ? networkSource(network) : data && countedSource(data, all.namesOf(all.observed))
  return new CausalModel({ graph: all, network, source: observed })
}

function graphOfNetwork({ variables }: BayesianNetwork): CausalGraph {
  return new CausalGraph({
    variables: variables.map(({ name }) => name),
    arrows: variables.flatMap(({ name, parents }) => parents.map((parent): [string, string] => [variables[parent]!.name, name])),
  })
}
