import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Rng } from '../../core/index.ts'
import { type BayesianNetwork, buildNetwork } from '../bayes/network.ts'
import { runSteps } from '../bayes/steps.ts'
import type { QueryTerm } from './causal-query.ts'
import { answerCounterfactual } from './counterfactual.ts'

/** `count` observed variables, each a random function of earlier ones and of a chance variable of its own. */
function functionalModel(count: number, seed: number): BayesianNetwork {
  const rng = new Rng(seed)
  const states = ['0', '1']
  const variables = Array.from({ length: count }, (_, i) => {
    const parents = Array.from({ length: i }, (_, j) => `x${j}`).filter(() => rng.uniform() < 0.6)
    const rows = 2 ** parents.length * 3
    const weights = Array.from({ length: 3 }, () => 0.1 + rng.uniform())
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return [
      { name: `u${i}`, states: ['a', 'b', 'c'], table: weights.map(weight => weight / total) },
      {
        name: `x${i}`,
        states,
        parents: [...parents, `u${i}`],
        table: Array.from({ length: rows }, () => (rng.below(2) === 0 ? [0, 1] : [1, 0])).flat(),
      },
    ]
  })
  return buildNetwork({ name: 'functional', variables: variables.flat() })
}

/** By trying every state of chance: P(ask and given), and P(given). */
function byEnumeration(network: BayesianNetwork, ask: readonly Known[], given: readonly Known[]): { both: number; known: number } {
  const chance = network.variables.filter(({ name }) => name.startsWith('u'))
  const result = { both: 0, known: 0 }
  const stateIn = (world: Readonly<Record<string, string>>, drawn: ReadonlyMap<number, number>, wanted: string): number => {
    const states = new Map(drawn)
    for (const index of network.order) {
      const { name, parents, cpt, states: own } = network.variables[index]!
      if (states.has(index)) continue
      const row = parents.reduce((sum, parent) => sum * network.variables[parent]!.states.length + states.get(parent)!, 0) * own.length
      states.set(index, name in world ? own.indexOf(world[name]!) : cpt.subarray(row, row + own.length).indexOf(1))
    }
    return states.get(network.indexOf(wanted))!
  }
  const visit = (at: number, p: number, drawn: ReadonlyMap<number, number>): void => {
    const next = chance[at]
    if (next) {
      for (const [state, share] of next.cpt.entries()) visit(at + 1, p * share, new Map([...drawn, [next.index, state]]))
      return
    }
    const holds = ({ variable, state, world }: Known): boolean => String(stateIn(world, drawn, variable)) === state
    if (!given.every(holds)) return
    result.known += p
    if (ask.every(holds)) result.both += p
  }
  visit(0, 1, new Map())
  return result
}

type Known = QueryTerm & { readonly state: string }

test('parallel worlds say what trying every state of chance says', () => {
  const variable = fc.integer({ min: 0, max: 3 }).map(i => `x${i}`)
  const state = fc.constantFrom('0', '1')
  const world = fc.oneof(fc.constant({}), fc.dictionary(variable, state, { maxKeys: 2 }))
  const term = fc.record({ variable, state, world })
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.array(term, { minLength: 1, maxLength: 3 }), fc.array(term, { maxLength: 3 }), (seed, ask, given) => {
      const network = functionalModel(4, seed)
      const { both, known } = byEnumeration(network, ask, given)
      const answer = (): ReturnType<typeof runSteps<{ values: Float64Array; pGiven: number }>> =>
        runSteps(answerCounterfactual(network, { ask, given }))
      if (known === 0) {
        expect(answer).toThrow('has probability zero')
        return
      }
      const { values, pGiven } = answer()
      expect(pGiven).toBeCloseTo(known, 12)
      expect(values[0]).toBeCloseTo(both / known, 12)
      // Asked without a state, a term has the same number among its states.
      const [first, ...rest] = ask
      const open = runSteps(answerCounterfactual(network, { ask: [{ variable: first!.variable, world: first!.world }, ...rest], given }))
      expect([open.shape, open.values[Number(first!.state)]]).toEqual([[2], expect.closeTo(both / known, 12)])
    }),
    { numRuns: 150 },
  )
})

test('a table with chances leaves open what would have been, and only then matters', () => {
  const coin = { name: 'x', states: ['no', 'yes'], table: [0.5, 0.5] }
  const network = buildNetwork({
    name: 'test',
    variables: [coin, { name: 'y', states: ['no', 'yes'], parents: ['x'], table: [0.8, 0.2, 0.3, 0.7] }],
  })
  const had = { variable: 'y', state: 'yes', world: { x: 'no' } }
  const seen = { variable: 'y', state: 'yes', world: {} }
  expect(() => runSteps(answerCounterfactual(network, { ask: [had], given: [seen] }))).toThrow(
    'what y would have been is left open by its table: P(y=no | x=no) = 0.8',
  )
  expect(runSteps(answerCounterfactual(network, { ask: [had], given: [] })).values[0]).toBeCloseTo(0.2, 12)
  expect(
    runSteps(answerCounterfactual(network, { ask: [had], given: [{ variable: 'x', state: 'yes', world: {} }] })).values[0],
  ).toBeCloseTo(0.2, 12)
})
