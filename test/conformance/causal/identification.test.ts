/** Identification, adjustment sets, front doors and instruments under every set of hidden variables, and the numbers they give. */
import { describe, expect, test } from 'vitest'
import { runSteps } from '../../../src/reason/bayes/steps.ts'
import { listAdjustmentSets, listBackDoorSets } from '../../../src/reason/causal/adjustment.ts'
import { CausalGraph } from '../../../src/reason/causal/causal-graph.ts'
import { effectBounds } from '../../../src/reason/causal/effect-bounds.ts'
import { probability, product, sum } from '../../../src/reason/causal/estimand.ts'
import { evaluateEstimand } from '../../../src/reason/causal/evaluate-estimand.ts'
import { listFrontDoorSets } from '../../../src/reason/causal/front-door.ts'
import { identifyEffect } from '../../../src/reason/causal/identify.ts'
import { listInstruments } from '../../../src/reason/causal/instruments.ts'
import { networkJoint, networkSource } from '../../../src/reason/causal/network-joint.ts'
import { findSeparator, listMinimalSets } from '../../../src/reason/causal/separators.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { readReference } from './reference-network.ts'

interface Answers {
  readonly treatment: string
  readonly outcome: string
  readonly arcs: readonly [string, string][]
  readonly observational: Readonly<Record<string, number>>
  readonly interventional: Readonly<Record<string, number>>
  readonly identification_by_hidden_set: readonly {
    readonly hidden: readonly string[]
    readonly identifiable: boolean
    readonly hedge?: { readonly F: readonly string[]; readonly F_prime: readonly string[] }
    readonly minimal_adjustment_sets: readonly (readonly string[])[]
    readonly minimal_backdoor_sets: readonly (readonly string[])[]
    readonly minimal_frontdoor_sets: readonly (readonly string[])[]
    readonly unconditional_instruments: readonly string[]
  }[]
  readonly minimal_separating_sets: readonly (readonly [string, string, readonly string[]])[]
  readonly tight_bounds?: { readonly hidden: readonly string[]; readonly bounds: Readonly<Record<string, readonly [number, number]>> }
  readonly adjusted_wrongly: Readonly<Record<string, Readonly<Record<string, number>>>>
}

const key = (sets: Iterable<readonly string[]>): string[] => [...sets].map(set => [...set].sort().join(',')).sort()

describeWithTestdata('identification', () => {
  describe.each(['backdoor6', 'bow', 'collider', 'frontdoor', 'instrument', 'simpson'])('%s', name => {
    const { network, answers } = readReference<Answers>('causal', name)
    const { treatment, outcome } = answers
    const whole = new CausalGraph({ arrows: answers.arcs })
    const source = networkSource(network)

    test('seeing and doing', () => {
      for (const state of ['no', 'yes']) {
        const doing = runSteps(networkJoint(network, [outcome], { do: { [treatment]: state } })).values[1]
        const seeing = runSteps(networkJoint(network, [outcome], { given: { [treatment]: state } })).values[1]
        expect(doing).toBeCloseTo(answers.interventional[`P(${outcome}=yes|do(${treatment}=${state}))`]!, 11)
        expect(seeing).toBeCloseTo(answers.observational[`P(${outcome}=yes|${treatment}=${state})`]!, 11)
      }
    })

    test.each(answers.identification_by_hidden_set.map(entry => [entry.hidden.join(' ') || 'nothing', entry] as const))(
      'with %s hidden',
      (_, entry) => {
        const graph = whole.withHidden(entry.hidden)
        const found = identifyEffect(graph, { causes: [treatment], effects: [outcome] })
        expect('estimand' in found).toBe(entry.identifiable)
        if ('hedge' in found) expect(key([found.hedge.forest, found.hedge.subforest])).toEqual(key([entry.hedge!.F, entry.hedge!.F_prime]))
        else
          for (const [at, state] of ['no', 'yes'].entries()) {
            const { values } = runSteps(evaluateEstimand(found.estimand, source, new Map([[treatment, at]])))
            expect(values[1]).toBeCloseTo(answers.interventional[`P(${outcome}=yes|do(${treatment}=${state}))`]!, 11)
          }
        const effect = { causes: graph.nodes(treatment), effects: graph.nodes(outcome), observed: graph.observed }
        const named = ({ sets }: { sets: readonly (readonly number[])[] }): string[] => key(sets.map(set => graph.namesOf(set)))
        expect(named(listAdjustmentSets(graph, effect))).toEqual(key(entry.minimal_adjustment_sets))
        expect(named(listBackDoorSets(graph, effect))).toEqual(key(entry.minimal_backdoor_sets))
        expect(named(listFrontDoorSets(graph, effect))).toEqual(key(entry.minimal_frontdoor_sets))
        const unconditional = listInstruments(graph, effect).filter(({ given }) => given.size === 0)
        expect(key(unconditional.map(({ node }) => graph.namesOf([node])))).toEqual(key(entry.unconditional_instruments.map(one => [one])))
      },
    )

    test('minimal separating sets', () => {
      const found: string[] = []
      for (const a of whole.observed)
        for (const b of whole.observed) {
          if (a >= b) continue
          const find = (allowed: ReadonlySet<number>): Set<number> | undefined => findSeparator(whole, new Set([a]), new Set([b]), allowed)
          for (const set of listMinimalSets(whole.observed, find).sets)
            found.push(`${key([whole.namesOf([a, b])])} | ${key([whole.namesOf(set)])}`)
        }
      const expected = answers.minimal_separating_sets.map(([a, b, set]) => `${key([[a, b]])} | ${key([set])}`)
      expect(found.sort()).toEqual(expected.sort())
    })

    const { tight_bounds } = answers
    if (tight_bounds)
      test('tight bounds where nothing is determined', () => {
        const { hidden, bounds } = tight_bounds
        const graph = whole.withHidden(hidden)
        const effect = { causes: graph.nodes(treatment), effects: graph.nodes(outcome), observed: graph.observed }
        const [instrument] = listInstruments(graph, effect).map(({ node }) => graph.variables[node]!)
        for (const [at, state] of ['no', 'yes'].entries()) {
          const found = runSteps(effectBounds(source, { cause: treatment, effect: outcome, state: at, instrument }))
          const expected = bounds[`P(${outcome}=yes|do(${treatment}=${state}))`]!
          expect(found![1]).toEqual([expect.closeTo(expected[0], 9), expect.closeTo(expected[1], 9)])
        }
      })

    test('adjusting for the wrong set gives the wrong number, and the same one', () => {
      for (const [set, values] of Object.entries(answers.adjusted_wrongly)) {
        const names = set.slice(1, -1).split(',').filter(Boolean)
        const formula = sum(names, product([probability([outcome], [treatment, ...names]), probability(names)]))
        for (const [at, state] of ['no', 'yes'].entries())
          expect(runSteps(evaluateEstimand(formula, source, new Map([[treatment, at]]))).values[1]).toBeCloseTo(
            values[`P(${outcome}=yes) adjusted, ${treatment}=${state}`]!,
            11,
          )
      }
    })
  })
})
