import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mixedGraphs, subsetsOf } from '../../../test/causal-graphs.ts'
import { jointByEnumeration, nameOf, normalized, observedSource, randomModel } from '../../../test/causal-models.ts'
import { runSteps } from '../bayes/steps.ts'
import { isAdjustmentSet, listAdjustmentSets, listBackDoorSets } from './adjustment.ts'
import { CausalGraph } from './causal-graph.ts'
import { probability, product, sum } from './estimand.ts'
import { evaluateEstimand as evaluateInSteps } from './evaluate-estimand.ts'
import { isFrontDoorSet, listFrontDoorSets } from './front-door.ts'
import { parseCausalGraph } from './graph-text.ts'
import { identifyEffect } from './identify.ts'
import { ancestorsOf, descendantsOf, districts, inducedGraph, type MixedGraph } from './mixed-graph.ts'
import { orderTable, type ValueTable } from './value-table.ts'

function evaluateEstimand(...question: Parameters<typeof evaluateInSteps>): ValueTable {
  return runSteps(evaluateInSteps(...question))
}

function graphOf({ children, spouses }: MixedGraph): CausalGraph {
  const pairs = (lists: readonly (readonly number[])[], isWanted: (from: number, to: number) => boolean): [string, string][] =>
    lists.flatMap((list, from) => list.filter(to => isWanted(from, to)).map((to): [string, string] => [nameOf(from), nameOf(to)]))
  return new CausalGraph({
    variables: children.map((_, node) => nameOf(node)),
    arrows: pairs(children, () => true),
    confounded: pairs(spouses, (from, to) => to > from),
  })
}

/** A graph with disjoint causes, effects and conditions. */
const questions = mixedGraphs(6).chain(graph =>
  fc
    .record({ seed: fc.nat(2 ** 31), roles: fc.tuple(...graph.parents.map(() => fc.constantFrom('x', 'x', 'y', 'y', 'z', '', '', ''))) })
    .map(({ seed, roles }) => ({ graph: graphOf(graph), seed, ...byRole(roles) }))
    .filter(({ causes, effects }) => causes.length > 0 && effects.length > 0 && causes.length <= 2),
)

function byRole(roles: readonly string[]): { causes: string[]; effects: string[]; given: string[] } {
  const named = (role: string): string[] => roles.flatMap((own, node) => (own === role ? [nameOf(node)] : []))
  return { causes: named('x'), effects: named('y'), given: named('z') }
}

test('a formula gives what intervening in the whole model gives', () => {
  let identified = 0
  fc.assert(
    fc.property(questions, ({ graph, seed, causes, effects, given }) => {
      const found = identifyEffect(graph, { causes, effects, given })
      if ('hedge' in found) return
      identified++
      const network = randomModel(graph, seed)
      const source = observedSource(network)
      const set = Object.fromEntries(causes.map((name, i) => [name, (seed >> i) & 1]))
      const seen = Object.fromEntries(given.map((name, i) => [name, (seed >> (i + 4)) & 1]))
      const truth = normalized(jointByEnumeration(network, effects, { set, given: seen }))
      const fixed = new Map(Object.entries({ ...set, ...seen }))
      const value = evaluateEstimand(found.estimand, source, fixed)
      // Whatever is left free does not matter: every state of it has the same answer.
      const extra = value.variables.filter(name => !effects.includes(name))
      const { values } = orderTable(value, [...extra, ...effects])
      for (const [i, p] of values.entries()) expect(p).toBeCloseTo(truth[i % truth.length]!, 9)
    }),
    { numRuns: 600 },
  )
  expect(identified).toBeGreaterThan(200)
})

test('a hedge is one: two sets tied together, the causes act in the larger only, and both lead to the effect', () => {
  let hedges = 0
  fc.assert(
    fc.property(questions, ({ graph, causes, effects, given }) => {
      const found = identifyEffect(graph, { causes, effects, given })
      if (!('hedge' in found)) return
      hedges++
      const [forest, subforest] = [graph.nodes(found.hedge.forest), graph.nodes(found.hedge.subforest)]
      const x = graph.nodes(causes)
      expect([...subforest].every(node => forest.has(node) && !x.has(node))).toBe(true)
      expect([...forest].some(node => x.has(node) || given.includes(graph.variables[node]!))).toBe(true)
      for (const set of [forest, subforest]) expect(districts(graph, set)).toHaveLength(1)
      expect(ancestorsOf(inducedGraph(graph, forest), subforest)).toEqual(forest)
      const targets = graph.nodes([...effects, ...given])
      expect([...descendantsOf(graph, subforest)].some(node => targets.has(node))).toBe(true)
    }),
    { numRuns: 600 },
  )
  expect(hedges).toBeGreaterThan(50)
})

test('adjustment sets, back-door sets and front-door sets give the effect; wrong sets do not', () => {
  fc.assert(
    fc.property(questions, fc.nat(20), ({ graph, seed, causes, effects }, pick) => {
      const [cause, effect] = [causes[0]!, effects[pick % effects.length]!]
      const question = { causes: graph.nodes(cause), effects: graph.nodes(effect), observed: graph.observed }
      const network = randomModel(graph, seed)
      const source = observedSource(network)
      const others = [...graph.observed].filter(node => !question.causes.has(node) && !question.effects.has(node))
      const all = subsetsOf(others)
      const valid = all.filter(set => isAdjustmentSet(graph, question, new Set(set)))
      const isMinimal = (set: readonly number[], among: readonly (readonly number[])[]): boolean =>
        !among.some(other => other.length < set.length && other.every(node => set.includes(node)))
      const key = (sets: readonly (readonly number[])[]): Set<string> => new Set(sets.map(set => String([...set].sort((a, b) => a - b))))
      expect(key(listAdjustmentSets(graph, question).sets)).toEqual(key(valid.filter(set => isMinimal(set, valid))))
      const truth = [0, 1].map(state => jointByEnumeration(network, [effect], { set: { [cause]: state } })[0]!)
      const adjusted = (set: readonly number[]): number[] => {
        const names = graph.namesOf(set)
        const formula = sum(names, product([probability([effect], [cause, ...names]), probability(names)]))
        return [0, 1].map(state => evaluateEstimand(formula, source, new Map([[cause, state]])).values[0]!)
      }
      for (const set of all) {
        const error = Math.max(...adjusted(set).map((value, i) => Math.abs(value - truth[i]!)))
        // A random model agrees with a wrong formula by accident only: never to nine digits.
        expect([graph.namesOf(set), error < 1e-9]).toEqual([graph.namesOf(set), valid.includes(set)])
      }
      for (const set of listBackDoorSets(graph, question).sets) expect(isAdjustmentSet(graph, question, new Set(set))).toBe(true)
      const doors = all.filter(set => set.length > 0 && isFrontDoorSet(graph, question, new Set(set)))
      const reached = descendantsOf(graph, question.causes).has([...question.effects][0]!)
      expect(key(listFrontDoorSets(graph, question).sets)).toEqual(key(reached ? doors.filter(set => isMinimal(set, doors)) : []))
      for (const set of doors) {
        const names = graph.namesOf(set)
        const inner = sum([cause], product([probability([effect], [cause, ...names]), probability([cause])]))
        const formula = sum(names, product([probability(names, [cause]), inner]))
        for (const state of [0, 1])
          expect(evaluateEstimand(formula, source, new Map([[cause, state]])).values[0]).toBeCloseTo(truth[state]!, 9)
      }
    }),
    { numRuns: 100 },
  )
})

describe('graphs from the literature', () => {
  test.each([
    ['bow', 'x -> y; x <-> y', false],
    ['front door', 'x -> z -> y; x <-> y', true],
    ['napkin', 'w -> z -> x -> y; w <-> x; w <-> y', true],
    ['M', 'x <- a -> b <- c -> y; x -> y', true],
    ['instrument', 'z -> x -> y; x <-> y', false],
    ['verma', 'x -> z -> w -> y; z <-> y', true],
    ['two mediators confounded', 'x -> z -> y; x <-> z; z <-> y', false],
  ])('%s', (_, text, isIdentifiable) => {
    expect('estimand' in identifyEffect(parseCausalGraph(text), { causes: ['x'], effects: ['y'] })).toBe(isIdentifiable)
  })
})

test('hidden, repeated and unknown variables are refused', () => {
  const graph = parseCausalGraph('x -> y; u [hidden] -> x; u -> y')
  expect(() => identifyEffect(graph, { causes: ['u'], effects: ['y'] })).toThrow('u is hidden')
  expect(() => identifyEffect(graph, { causes: ['x'], effects: ['x'] })).toThrow('x cannot be effect, cause or condition at once')
  expect(() => identifyEffect(graph, { causes: ['q'], effects: ['y'] })).toThrow('no variable "q"')
  expect(identifyEffect(graph, { causes: ['x'], effects: ['y'] })).toEqual({ hedge: { forest: ['x', 'y'], subforest: ['y'] } })
})
