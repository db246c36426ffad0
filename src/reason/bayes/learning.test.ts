import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { enumerateStates, marginalsOf, randomFindings, randomNetwork } from '../../../test/random-networks.ts'
import { Rng } from '../../core/index.ts'
import { readEvidence } from './evidence.ts'
import { BayesNet, type DataRow, type LearnOptions, learnTree, softEvidence } from './index.ts'
import { ForwardSampler } from './likelihood-weighting.ts'

function drawRows(net: BayesNet, count: number, seed: number): Record<string, string>[] {
  const evidence = readEvidence(net.network, {})
  const sampler = new ForwardSampler(net.network, evidence, new Uint8Array(net.variables.length).fill(1), new Rng(seed))
  return Array.from({ length: count }, () => {
    sampler.draw()
    return Object.fromEntries(net.network.variables.map(({ name, states, index }) => [name, states[sampler.states[index]!]!]))
  })
}

describe('noisy-max', () => {
  const two = ['yes', 'no']
  const causes = ['a', 'b', 'c'].map(name => ({ name, states: two, table: [0.3, 0.7] }))

  test('noisy-or: the effect stays away when every cause that is there fails, and the leak too', () => {
    const strengths = [0.8, 0.5, 0.9]
    const noisyMax = { tables: strengths.map(p => [p, 1 - p, 0, 1]), leak: [0.1, 0.9] }
    const net = BayesNet.from({ name: '', variables: [...causes, { name: 'e', states: two, parents: ['a', 'b', 'c'], noisyMax }] })
    expect(net.query('e', { given: { a: 'yes', b: 'no', c: 'yes' } }).e[1]).toBeCloseTo(0.2 * 0.1 * 0.9, 15)
    expect(net.query('e', { given: { a: 'no', b: 'no', c: 'no' } }).e[0]).toBeCloseTo(0.1, 15)
  })

  test('equals the largest of independent effects', () => {
    fc.assert(
      fc.property(fc.nat(), seed => {
        const rng = new Rng(seed)
        const row = (): number[] => {
          const values = [rng.uniform(), rng.uniform(), rng.uniform()]
          const sum = values.reduce((a, b) => a + b)
          return values.map(value => value / sum)
        }
        const tables = [row(), row(), row()].map(first => [...first, 0, 0, 1])
        const leak = row()
        const states = ['strong', 'weak', 'none']
        const net = BayesNet.from({
          name: '',
          variables: [...causes, { name: 'e', states, parents: ['a', 'b', 'c'], noisyMax: { tables, leak } }],
        })
        // The same with an effect for every cause, and the strongest of them.
        const effects = [...tables, leak].map((table, i) => ({ name: `z${i}`, states, parents: i < 3 ? [causes[i]!.name] : [], table }))
        const cells = Array.from({ length: 81 }, (_, k) =>
          Math.min(Math.floor(k / 27), Math.floor(k / 9) % 3, Math.floor(k / 3) % 3, k % 3),
        )
        const strongest = {
          name: 'e',
          states,
          parents: ['z0', 'z1', 'z2', 'z3'],
          table: cells.flatMap(s => states.map((_, t) => (s === t ? 1 : 0))),
        }
        const long = BayesNet.from({ name: '', variables: [...causes, ...effects, strongest] })
        for (const given of [{}, { a: 'yes' }, { a: 'yes', b: 'no', c: 'yes' }])
          for (const s of [0, 1, 2]) expect(net.query('e', { given }).e[s]).toBeCloseTo(long.query('e', { given }).e[s]!, 12)
      }),
      { numRuns: 30 },
    )
  })

  test('the wrong number of tables is refused', () => {
    expect(() =>
      BayesNet.from({ name: '', variables: [...causes, { name: 'e', states: two, parents: ['a'], noisyMax: { tables: [] } }] }),
    ).toThrow('the noisy-max of e has 0 tables for 1 parents')
  })
})

describe('learning', () => {
  test('counts with a Dirichlet prior', () => {
    const start = BayesNet.from({
      name: '',
      variables: [
        { name: 'a', states: ['0', '1'], table: [0.5, 0.5] },
        { name: 'b', states: ['0', '1', '2'], parents: ['a'], table: [1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3] },
      ],
    })
    const rows = [
      { a: '0', b: '1' },
      { a: '0', b: '1' },
      { a: '1', b: 2 },
      { a: '0', b: '0' },
    ]
    const { cases, missing } = start.fit(rows)
    expect({ cases, missing }).toEqual({ cases: 4, missing: 0 })
    const rounded = (variable: number, options: LearnOptions): number[] =>
      Array.from(start.fit(rows, options).net.network.variables[variable]!.cpt, p => Number(p.toFixed(12)))
    const shares = (...values: number[]): number[] => values.map(p => Number(p.toFixed(12)))
    expect(rounded(0, {})).toEqual(shares(4 / 6, 2 / 6))
    expect(rounded(1, {})).toEqual(shares(2 / 6, 3 / 6, 1 / 6, 1 / 4, 1 / 4, 2 / 4))
    expect(rounded(0, { pseudoCount: 0 })).toEqual([0.75, 0.25])
    expect(rounded(1, { equivalentSampleSize: 12 })).toEqual(shares(3 / 9, 4 / 9, 2 / 9, 2 / 7, 2 / 7, 3 / 7))
    expect(() => start.fit([{ a: '2' }])).toThrow('a has no state "2"')
    expect(() => start.fit([{ c: '2' }])).toThrow('the network has no variable "c"')
    expect(() => start.fit([])).toThrow('there are no cases')
  })

  test('one round of expectation maximisation equals expected counts by enumeration', () => {
    fc.assert(
      fc.property(fc.nat(), seed => {
        const net = BayesNet.from(randomNetwork({ seed, variables: 5 }))
        const rng = new Rng(seed + 1)
        const rows: DataRow[] = drawRows(net, 6, seed + 2).map(row =>
          Object.fromEntries(Object.entries(row).filter(() => rng.uniform() < 0.6)),
        )
        rows.push({})
        const expected = net.network.variables.map(({ cpt }) => new Float64Array(cpt.length).fill(0.5))
        let logLikelihood = 0
        for (const row of rows) {
          const all = enumerateStates(net.network, row as Record<string, string>)
          const { mass } = marginalsOf(net.network, all)
          logLikelihood += Math.log(mass)
          for (const { states, weight } of all)
            for (const { index, parents, states: names } of net.network.variables) {
              const at = parents.reduce((cell, parent) => cell * net.network.variables[parent]!.states.length + states[parent]!, 0)
              expected[index]![at * names.length + states[index]!]! += weight / mass
            }
        }
        const { net: learnt, logLikelihoods } = net.fit(rows, { pseudoCount: 0.5, maxIterations: 1 })
        expect(logLikelihoods[0]).toBeCloseTo(logLikelihood, 9)
        for (const { index, cpt, states } of learnt.network.variables)
          for (let row = 0; row < cpt.length; row += states.length) {
            const sum = expected[index]!.subarray(row, row + states.length).reduce((a, b) => a + b)
            for (let i = row; i < row + states.length; i++) expect(cpt[i]).toBeCloseTo(expected[index]![i]! / sum, 10)
          }
      }),
      { numRuns: 60 },
    )
  })

  test('expectation maximisation never loses likelihood, and finds a hidden cause', () => {
    const truth = BayesNet.from({
      name: '',
      variables: [
        { name: 'hidden', states: ['0', '1'], table: [0.4, 0.6] },
        ...['x', 'y', 'z'].map(name => ({ name, states: ['0', '1'], parents: ['hidden'], table: [0.9, 0.1, 0.2, 0.8] })),
      ],
    })
    const rows = drawRows(truth, 5000, 1).map(({ hidden, ...row }) => row)
    const start = BayesNet.from({
      name: '',
      variables: [
        { name: 'hidden', states: ['0', '1'], table: [0.5, 0.5] },
        ...['x', 'y', 'z'].map(name => ({ name, states: ['0', '1'], parents: ['hidden'], table: [0.6, 0.4, 0.4, 0.6] })),
      ],
    })
    const { net, logLikelihoods, hasConverged, missing } = start.fit(rows, { pseudoCount: 0, maxIterations: 2000, tolerance: 1e-9 })
    expect({ hasConverged, missing }).toEqual({ hasConverged: true, missing: 5000 })
    for (let i = 1; i < logLikelihoods.length; i++) expect(logLikelihoods[i]!).toBeGreaterThanOrEqual(logLikelihoods[i - 1]! - 1e-8)
    expect(Math.abs(net.network.variables[0]!.cpt[0]! - 0.4)).toBeLessThan(0.05)
    expect(Math.abs(net.network.variables[1]!.cpt[0]! - 0.9)).toBeLessThan(0.05)
  })

  test('Chow and Liu find a tree again', () => {
    const truth = BayesNet.from({
      name: '',
      variables: [
        { name: 'a', states: ['0', '1'], table: [0.5, 0.5] },
        { name: 'b', states: ['0', '1'], parents: ['a'], table: [0.9, 0.1, 0.2, 0.8] },
        { name: 'c', states: ['0', '1', '2'], parents: ['b'], table: [0.7, 0.2, 0.1, 0.1, 0.3, 0.6] },
        { name: 'd', states: ['0', '1'], parents: ['b'], table: [0.8, 0.2, 0.3, 0.7] },
      ],
    })
    const { network } = learnTree(drawRows(truth, 4000, 2), { root: 'c' })
    const edges = network.variables.flatMap(({ name, parents }) => parents.map(parent => [network.variables[parent]!.name, name].join('→')))
    expect(edges.sort()).toEqual(['b→a', 'b→d', 'c→b'])
    expect(() => learnTree([], {})).toThrow('there are no columns')
    expect(() => learnTree([{ a: '1' }], { root: 'b' })).toThrow('the root b is no column')
  })
})

describe('explanations', () => {
  const random = fc.record({ seed: fc.nat(), variables: fc.integer({ min: 3, max: 6 }) })

  test('the influence of a finding is what is lost without it', () => {
    fc.assert(
      fc.property(random, ({ seed, variables }) => {
        const net = BayesNet.from(randomNetwork({ seed, variables }))
        const [target] = net.variables
        const { [target!]: _, ...given } = randomFindings(net.network, seed + 1, 0.5)
        const { state, posterior, prior, findings } = net.explain(target!, { given })
        const s = net.states(target!).indexOf(state)
        expect(posterior).toBeCloseTo(marginalsOf(net.network, enumerateStates(net.network, given)).marginals[0]![s]!, 12)
        expect(prior).toBeCloseTo(marginalsOf(net.network, enumerateStates(net.network)).marginals[0]![s]!, 12)
        expect(findings.map(({ variable }) => variable).sort()).toEqual(Object.keys(given).sort())
        for (const { variable, before, effect } of findings) {
          const { [variable]: _, ...others } = given
          expect(before).toBeCloseTo(marginalsOf(net.network, enumerateStates(net.network, others)).marginals[0]![s]!, 12)
          expect(effect).toBeCloseTo(posterior - before, 12)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('sensitivity is the derivative, and its function the posterior, when a row keeps its proportions', () => {
    fc.assert(
      fc.property(random, ({ seed, variables }) => {
        const net = BayesNet.from(randomNetwork({ seed, variables }))
        const target = net.variables[seed % variables]!
        const { [target]: _, ...given } = randomFindings(net.network, seed + 1, 0.4)
        for (const { variable, state, parents, value, derivative, coefficients } of net.sensitivity(target, {
          given,
          state: 's0',
          count: 5,
        })) {
          const asked = (x: number): number => {
            const index = net.network.indexOf(variable)
            const { variables: described } = net.toDescription()
            const names = net.states(variable)
            const row = described[index]!.parents!.reduce(
              (at, parent) => at * net.states(parent).length + net.states(parent).indexOf(parents[parent]!),
              0,
            )
            const table = Float64Array.from(described[index]!.table!)
            for (const [s, name] of names.entries()) {
              const i = row * names.length + s
              table[i] = name === state ? x : (table[i]! * (1 - x)) / (1 - value)
            }
            const moved = described.map((entry, v) => (v === index ? { ...entry, table } : entry))
            return BayesNet.from({ name: '', variables: moved }).query(target, { given })[target]![0]!
          }
          const step = 1e-6 * Math.min(value, 1 - value)
          expect(Math.abs((asked(value + step) - asked(value - step)) / (2 * step) - derivative)).toBeLessThan(
            1e-4 * Math.max(1, Math.abs(derivative)),
          )
          const { a, b, c, d } = coefficients
          for (const x of [0.1, value, 0.7]) expect((a + b * x) / (c + d * x)).toBeCloseTo(asked(x), 9)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('the most relevant explanation names the cause and nothing beside it', () => {
    const net = BayesNet.from({
      name: '',
      variables: [
        { name: 'fault', states: ['yes', 'no'], table: [0.01, 0.99] },
        { name: 'weather', states: ['rain', 'sun'], table: [0.3, 0.7] },
        { name: 'alarm', states: ['on', 'off'], parents: ['fault'], table: [0.9, 0.1, 0.02, 0.98] },
      ],
    })
    const [best] = net.mostRelevant(['fault', 'weather'], { given: { alarm: 'on' } })
    expect(best).toMatchObject({ states: { fault: 'yes' }, prior: expect.closeTo(0.01, 12) })
    expect(best!.bayesFactor).toBeCloseTo(0.9 / 0.02, 9)
  })
})

describe('joined to the rest', () => {
  test('soft evidence divides the training prior out', () => {
    // A classifier that has learnt nothing answers with the frequencies of its training data: that is no evidence.
    const nothing = softEvidence([Math.log(0.9), Math.log(0.1)], [900, 100])
    expect(nothing[0]).toBeCloseTo(1, 12)
    expect(nothing[1]).toBeCloseTo(1, 12)
    const [a, b] = softEvidence([2, -1], [0.25, 0.75])
    expect(a! / b!).toBeCloseTo((Math.exp(3) * 0.75) / 0.25, 9)
    expect(() => softEvidence([1, 2], [1, 0])).toThrow('frequencies must be above 0')
    expect(() => softEvidence([1], [1, 1])).toThrow('1 logits do not go with 2 frequencies')
  })

  test('as a tool, mistakes come back as answers', async () => {
    const net = BayesNet.from({ name: 'coin toss', variables: [{ name: 'coin', states: ['head', 'tail'], table: [0.25, 0.75] }] })
    const tool = net.asTool()
    expect(tool.name).toBe('query_coin_toss')
    expect(tool.parameters).toMatchObject({ properties: { given: { properties: { coin: { enum: ['head', 'tail'] } } } } })
    expect(await tool.call({ ask: ['coin'] })).toEqual({
      posteriors: { coin: { head: 0.25, tail: 0.75 } },
      method: 've',
      isExact: true,
      logEvidence: 0,
    })
    expect(await tool.call({ ask: ['coyn'] })).toMatchObject({
      error: { code: 'OPTION_INVALID', message: 'the network has no variable "coyn"; did you mean "coin"?' },
    })
  })
})
