import { expect, test } from 'vitest'
import { BayesNet, type Given } from '../../../src/reason/index.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { ORACLE_NETWORKS, type Oracle, type Posteriors, readOracle, readOracleNetwork } from './oracle.ts'

const TOLERANCE = 1e-9

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
function distance(answer: Readonly<Record<string, Float64Array>>, expected: Posteriors): number {
  const differences = Object.entries(expected).flatMap(([name, row]) => row.map((p, k) => Math.abs(p - answer[name]![k]!)))
  return Math.max(...differences)
}

describeWithTestdata('exact answers equal the reference answers', () => {
  const networks = new Map<string, BayesNet>()
  const networkOf = async (name: string): Promise<BayesNet> => {
    const known = networks.get(name) ?? new BayesNet(await readOracleNetwork(name))
    networks.set(name, known)
    return known
  }

  test.each(ORACLE_NETWORKS)('%s: marginals with findings, likelihoods and interventions', async name => {
    const net = await networkOf(name)
    for (const { posterior, logEvidence, ...given } of questionsOf(readOracle(name))) {
      const targets = Object.keys(posterior)
      for (const method of ['ve', 'jtree', 'auto'] as const) {
        if (method === 'jtree' && given.do) continue
        const answer = net.query(targets, { ...given, method })
        expect(distance(answer, posterior)).toBeLessThan(TOLERANCE)
        expect(Math.abs(answer.details.logEvidence - logEvidence)).toBeLessThan(TOLERANCE)
      }
    }
  })

  test.each(ORACLE_NETWORKS)('%s: findings set and unset in one tree', async name => {
    const tree = (await networkOf(name)).compile()
    for (const { posterior, logEvidence, given = {}, do: done } of questionsOf(readOracle(name))) {
      if (done) continue
      expect(distance(tree.set(given).posteriors(), posterior)).toBeLessThan(TOLERANCE)
      expect(Math.abs(tree.logEvidence - logEvidence)).toBeLessThan(TOLERANCE)
      tree.unset(...Object.keys(given))
    }
  })

  test.each(ORACLE_NETWORKS)('%s: joint posteriors', async name => {
    const net = await networkOf(name)
    for (const { evidence, variables, p, ln_p_evidence } of readOracle(name).joint_cases) {
      const { table, logEvidence } = net.joint(variables, { given: evidence })
      expect(Math.max(...p.map((value, i) => Math.abs(value - table[i]!)))).toBeLessThan(TOLERANCE)
      expect(Math.abs(logEvidence - ln_p_evidence)).toBeLessThan(TOLERANCE)
    }
  })

  test.each(ORACLE_NETWORKS)('%s: most probable explanations', async name => {
    const net = await networkOf(name)
    for (const { evidence, assignment, ln_p_joint, ln_p_given_evidence, n_optimal } of readOracle(name).mpe_cases) {
      const found = net.mpe({ given: evidence, count: Math.min(n_optimal, 8) + 1 })
      const [best] = found
      expect(Math.abs(best!.logJoint - ln_p_joint)).toBeLessThan(TOLERANCE)
      expect(Math.abs(Math.log(best!.probability) - ln_p_given_evidence)).toBeLessThan(TOLERANCE)
      // Among equally probable ones the reference is one, and there are no more than it counts.
      const equal = found.filter(({ logJoint }) => Math.abs(logJoint - ln_p_joint) < 1e-9)
      if (n_optimal <= 8) expect(equal.length).toBe(n_optimal)
      expect(equal.map(({ states }) => states)).toContainEqual(assignment)
    }
  })

  test.each(ORACLE_NETWORKS)('%s: maximum a posteriori', async name => {
    const net = await networkOf(name)
    for (const { evidence, variables, assignment, p_given_evidence, runner_up_p, n_optimal } of readOracle(name).map_cases) {
      const [best, second] = net.map(variables, { given: evidence, count: 2 })
      expect(Math.abs(best!.probability - p_given_evidence)).toBeLessThan(TOLERANCE)
      if (n_optimal === 1) expect(best!.states).toEqual(assignment)
      if (second) expect(Math.abs(second.probability - runner_up_p)).toBeLessThan(TOLERANCE)
    }
  })
})

describeWithTestdata('approximate answers lie within their errors', () => {
  const NAMES = ['asia', 'alarm', 'child', 'insurance'] as const

  test.each(NAMES)('%s: likelihood weighting', async name => {
    const net = new BayesNet(await readOracleNetwork(name))
    const { evidence_cases } = readOracle(name)
    let numbers = 0
    let outside = 0
    for (const { evidence, posterior } of evidence_cases) {
      const targets = Object.keys(posterior)
      const answer = net.query(targets, { given: evidence, method: 'lw', samples: 20_000 })
      if (answer.details.diagnostics!.effectiveSampleSize < 200) continue
      for (const target of targets)
        for (const [s, p] of posterior[target]!.entries()) {
          numbers++
          if (Math.abs(answer[target]![s]! - p) > 3 * answer.details.errors[target]![s]!) outside++
        }
    }
    expect(numbers).toBeGreaterThan(50)
    expect(outside / numbers).toBeLessThan(0.02)
  })
})
