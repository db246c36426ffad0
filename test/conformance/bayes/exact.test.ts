import { expect, test } from 'vitest'
import { type Given, readEvidence } from '../../../src/reason/bayes/evidence.ts'
import { answerExactly } from '../../../src/reason/bayes/exact-query.ts'
import { runSteps } from '../../../src/reason/bayes/steps.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { ORACLE_NETWORKS, type Oracle, type Posteriors, readOracle, readOracleNetwork } from './oracle.ts'

interface Question extends Given {
  readonly posterior: Posteriors
  readonly logEvidence: number
}

/** Every question of an oracle that has marginals as its answer. */
function questionsOf(oracle: Oracle): Question[] {
  return [
    { posterior: oracle.prior, logEvidence: 0 },
    ...oracle.evidence_cases.map(({ evidence, posterior, ln_p_evidence }) => ({ given: evidence, posterior, logEvidence: ln_p_evidence })),
    ...oracle.soft_cases.map(({ evidence, likelihood, posterior, ln_p_evidence }) => ({
      given: { ...evidence, ...likelihood },
      posterior,
      logEvidence: ln_p_evidence,
    })),
    ...oracle.do_cases.map(({ evidence, descendants, non_descendants, ln_p_evidence_under_do, ...rest }) => ({
      given: evidence,
      do: rest.do,
      posterior: { ...descendants, ...non_descendants },
      logEvidence: ln_p_evidence_under_do,
    })),
  ]
}

/** The largest difference of two sets of posteriors. */
function distance(answer: readonly Float64Array[], expected: Posteriors): number {
  const differences = Object.values(expected).flatMap((row, i) => row.map((p, k) => Math.abs(p - answer[i]![k]!)))
  return Math.max(...differences)
}

describeWithTestdata('exact answers equal the reference answers', () => {
  test.each(ORACLE_NETWORKS)('%s: marginals with findings, likelihoods and interventions', async name => {
    const network = await readOracleNetwork(name)
    for (const { posterior, logEvidence, ...given } of questionsOf(readOracle(name))) {
      const targets = Object.keys(posterior).map(variable => network.indexOf(variable))
      const answer = runSteps(answerExactly(network, readEvidence(network, given), targets))
      expect(distance(answer.posteriors, posterior)).toBeLessThan(1e-9)
      expect(Math.abs(answer.logEvidence - logEvidence)).toBeLessThan(1e-9)
    }
  })
})
