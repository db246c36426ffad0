/** Counterfactuals of functional models against exact fractions from enumerating the noise. */
import { expect, test } from 'vitest'
import { runSteps } from '../../../src/reason/bayes/steps.ts'
import type { QueryTerm } from '../../../src/reason/causal/causal-query.ts'
import { answerCounterfactual } from '../../../src/reason/causal/counterfactual.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { readReference } from './reference-network.ts'

type States = Readonly<Record<string, string>>
interface Fraction {
  readonly fraction: string
}
interface Answers {
  readonly queries: readonly {
    readonly text: string
    readonly evidence?: States
    readonly do?: States
    readonly target?: States
    readonly p?: Fraction
    readonly p_evidence?: Fraction
    readonly value?: Fraction
  }[]
}

const numberOf = ({ fraction }: Fraction): number => {
  const [above, below] = fraction.split('/').map(Number)
  return above! / below!
}
const terms = (states: States, world: States = {}): (QueryTerm & { state: string })[] =>
  Object.entries(states).map(([variable, state]) => ({ variable, state, world }))

describeWithTestdata('counterfactuals', () => {
  test.each(['drug_types', 'firing_squad', 'firing_squad_nervous', 'sprinkler'])('%s', name => {
    const { network, answers } = readReference<Answers>('counterfactual', name)
    let compared = 0
    for (const { text, evidence = {}, do: done = {}, target, p, p_evidence } of answers.queries) {
      if (!target || !p || !p_evidence) continue
      const found = runSteps(answerCounterfactual(network, { ask: terms(target, done), given: terms(evidence) }))
      expect([text, found.values[0]]).toEqual([text, expect.closeTo(numberOf(p), 12)])
      expect([text, found.pGiven]).toEqual([text, expect.closeTo(numberOf(p_evidence), 12)])
      compared++
    }
    expect(compared).toBeGreaterThan(4)
  })

  test('probability of necessity and sufficiency: two worlds beside the known one', () => {
    const { network, answers } = readReference<Answers>('counterfactual', 'drug_types')
    const { value } = answers.queries.find(({ text }) => text === 'probability of necessity and sufficiency')!
    const ask = [...terms({ Y: 'yes' }, { X: 'yes' }), ...terms({ Y: 'no' }, { X: 'no' })]
    expect(runSteps(answerCounterfactual(network, { ask, given: [] })).values[0]).toBeCloseTo(numberOf(value!), 12)
  })
})
