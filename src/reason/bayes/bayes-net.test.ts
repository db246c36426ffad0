import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { enumerateStates, marginalsOf, randomFindings, randomNetwork } from '../../../test/random-networks.ts'
import { isHenceError } from '../../core/index.ts'
import { BayesNet, detailsOf } from './index.ts'

/** Sprinkler, with numbers that are easy to check by hand. */
function sprinkler(): BayesNet {
  const states = ['yes', 'no']
  return BayesNet.from({
    name: 'sprinkler',
    variables: [
      { name: 'rain', states, table: [0.2, 0.8] },
      { name: 'sprinkler', states, parents: ['rain'], table: [0.01, 0.99, 0.4, 0.6] },
      { name: 'wet', states, parents: ['sprinkler', 'rain'], table: [0.99, 0.01, 0.9, 0.1, 0.8, 0.2, 0, 1] },
    ],
  })
}

const seeds = fc.record({
  seed: fc.nat(),
  variables: fc.integer({ min: 1, max: 8 }),
  zeros: fc.constantFrom(0, 0, 0.3, 0.6),
  share: fc.constantFrom(0, 0.2, 0.5),
})
const runs = { numRuns: 150 }

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-12): void {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThan(tolerance)
}

function setUp({ seed, variables, zeros, share }: { seed: number; variables: number; zeros: number; share: number }) {
  const net = BayesNet.from(randomNetwork({ seed, variables, zeros }))
  const given = randomFindings(net.network, seed + 1, share)
  const all = enumerateStates(net.network, given)
  return { net, given, all, ...marginalsOf(net.network, all) }
}

test('what is known changes what is believed', () => {
  const net = sprinkler()
  const { rain, details } = net.query(['rain'], { given: { wet: 'yes' } })
  // 0.2 · (0.01 · 0.99 + 0.99 · 0.8) and 0.8 · 0.4 · 0.9
  const [yes, no] = [0.2 * (0.01 * 0.99 + 0.99 * 0.8), 0.8 * 0.4 * 0.9]
  expectClose(rain, [yes / (yes + no), no / (yes + no)])
  expect(details.logEvidence).toBeCloseTo(Math.log(yes + no), 12)
  expectClose(net.query('rain', { do: { wet: 'yes' } }).rain, [0.2, 0.8])
  expectClose(net.query('wet', { do: { sprinkler: 'yes' } }).wet, [0.2 * 0.99 + 0.8 * 0.9, 0.2 * 0.01 + 0.8 * 0.1])
})

describe('exact methods equal enumeration', () => {
  test.each(['ve', 'jtree', 'auto'] as const)('%s', method => {
    fc.assert(
      fc.property(seeds, options => {
        const { net, given, mass, marginals } = setUp(options)
        if (mass === 0) {
          expect(() => net.query(undefined, { given, method })).toThrow(expect.objectContaining({ code: 'EVIDENCE_IMPOSSIBLE' }))
          return
        }
        const posteriors = net.query(undefined, { given, method })
        for (const [v, name] of net.variables.entries()) expectClose(posteriors[name]!, marginals[v]!)
        expect(posteriors.details.logEvidence).toBeCloseTo(Math.log(mass), 10)
        expect(net.logEvidence({ given })).toBeCloseTo(Math.log(mass), 10)
      }),
      runs,
    )
  })

  test('interventions', () => {
    fc.assert(
      fc.property(seeds, options => {
        const { net, given } = setUp(options)
        const { name, states } = net.network.variables[options.seed % options.variables]!
        const done = { [name]: states.at(-1)! }
        delete given[name]
        const { mass, marginals } = marginalsOf(net.network, enumerateStates(net.network, given, done))
        if (mass === 0) return
        const posteriors = net.query(undefined, { given, do: done })
        for (const [v, other] of net.variables.entries()) expectClose(posteriors[other]!, marginals[v]!)
        expect(posteriors.details.logEvidence).toBeCloseTo(Math.log(mass), 10)
      }),
      runs,
    )
  })

  test('joint posteriors, of known variables too', () => {
    fc.assert(
      fc.property(seeds, options => {
        const { net, given, mass, all } = setUp(options)
        if (mass === 0) return
        const targets = net.variables.filter((_, v) => v % 3 !== options.seed % 3).toReversed()
        const { table, shape } = net.joint(targets, { given })
        const expected = new Float64Array(table.length)
        const numbers = targets.map(name => net.network.indexOf(name))
        for (const { states, weight } of all) expected[numbers.reduce((at, v, i) => at * shape[i]! + states[v]!, 0)]! += weight / mass
        expectClose(table, expected)
      }),
      runs,
    )
  })

  test('most probable explanations, in order', () => {
    fc.assert(
      fc.property(seeds, options => {
        const { net, given, mass, all } = setUp(options)
        if (mass === 0) return
        const expected = all.map(({ weight }) => weight).filter(weight => weight > 0)
        expected.sort((a, b) => b - a)
        const found = net.mpe({ given, count: 7 })
        expectClose(
          found.map(({ probability }) => probability),
          expected.slice(0, 7).map(weight => weight / mass),
        )
        expect(new Set(found.map(({ states }) => JSON.stringify(states))).size).toBe(found.length)
        for (const { states, logJoint } of found) {
          const known = Object.fromEntries(Object.entries(given).filter(([, finding]) => typeof finding === 'string'))
          const same = all.find(entry =>
            net.network.variables.every(({ name, states: names }, v) => (states[name] ?? known[name]) === names[entry.states[v]!]),
          )
          expect(Math.exp(logJoint)).toBeCloseTo(same!.weight, 12)
        }
      }),
      runs,
    )
  })

  test('maximum a posteriori of some variables, in order', () => {
    fc.assert(
      fc.property(seeds, options => {
        const { net, given, mass, all } = setUp(options)
        if (mass === 0) return
        const targets = net.variables.filter((_, v) => v % 3 === options.seed % 3)
        if (targets.length === 0) return
        const sums = new Map<string, number>()
        for (const { states, weight } of all) {
          if (weight === 0) continue
          const key = targets.map(name => net.states(name)[states[net.network.indexOf(name)]!]).join()
          sums.set(key, (sums.get(key) ?? 0) + weight / mass)
        }
        const found = net.map(targets, { given, count: 5 })
        const expected = [...sums.values()].sort((a, b) => b - a).slice(0, 5)
        expectClose(
          found.map(({ probability }) => probability),
          expected,
        )
        for (const { states, probability } of found) expect(sums.get(targets.map(name => states[name]).join())).toBeCloseTo(probability, 12)
      }),
      runs,
    )
  })

  test('findings set and taken back leave the same numbers as a fresh tree', () => {
    fc.assert(
      fc.property(seeds, fc.array(fc.nat(), { maxLength: 5 }), (options, changes) => {
        const { net, given } = setUp(options)
        const tree = net.compile()
        for (const change of changes) {
          tree.set(randomFindings(net.network, change, 0.4))
          if (change % 2 === 0) tree.unset(...net.variables.filter((_, v) => v % 2 === 0))
          if (change % 3 === 0 && tree.logEvidence > Number.NEGATIVE_INFINITY) tree.posterior(net.variables[0]!)
        }
        tree.unset().set(given)
        const fresh = net.compile().set(given)
        expect(tree.logEvidence).toBe(fresh.logEvidence)
        if (fresh.logEvidence > Number.NEGATIVE_INFINITY) expect(tree.posteriors()).toEqual(fresh.posteriors())
      }),
      runs,
    )
  })
})

describe('approximate methods', () => {
  test.each(['lw', 'gibbs'] as const)('%s is within three standard errors, repeatably', method => {
    // 3 standard errors cover 99.7 % of normal errors: of some 600 numbers a few may lie outside, none far.
    let numbers = 0
    let outside = 0
    for (let seed = 1; seed <= 30; seed++) {
      const net = BayesNet.from(randomNetwork({ seed, variables: 7 }))
      const given = randomFindings(net.network, seed + 1, 0.3)
      const { marginals } = marginalsOf(net.network, enumerateStates(net.network, given))
      const posteriors = net.query(undefined, { given, method, samples: 4000, seed })
      expect(net.query(undefined, { given, method, samples: 4000, seed })).toEqual(posteriors)
      for (const [v, name] of net.variables.entries())
        for (const [s, p] of posteriors[name]!.entries()) {
          const error = posteriors.details.errors[name]![s]!
          numbers++
          if (Math.abs(p - marginals[v]![s]!) > 3 * error + 1e-12) outside++
          expect(Math.abs(p - marginals[v]![s]!)).toBeLessThan(6 * error + 1e-12)
        }
    }
    expect(outside / numbers).toBeLessThan(0.015)
  })

  test('likelihood weighting estimates the probability of the findings', () => {
    const net = sprinkler()
    const { details } = net.query('rain', { given: { wet: 'yes' }, method: 'lw', samples: 50_000 })
    const { logEvidenceError = 0, effectiveSampleSize = 0 } = details.diagnostics ?? {}
    expect(Math.abs(details.logEvidence - net.logEvidence({ given: { wet: 'yes' } }))).toBeLessThan(4 * logEvidenceError)
    expect(logEvidenceError).toBeLessThan(0.02)
    expect(effectiveSampleSize).toBeGreaterThan(10_000)
  })

  test('loopy propagation is exact on trees', () => {
    fc.assert(
      fc.property(seeds, options => {
        const net = BayesNet.from(randomNetwork({ ...options, maxParents: 1 }))
        const given = randomFindings(net.network, options.seed + 1, options.share)
        const { mass, marginals } = marginalsOf(net.network, enumerateStates(net.network, given))
        if (mass === 0) return
        const posteriors = net.query(undefined, { given, method: 'lbp', samples: 2000 })
        for (const [v, name] of net.variables.entries()) expectClose(posteriors[name]!, marginals[v]!, 1e-8)
        expect(posteriors.details.logEvidence).toBeCloseTo(Math.log(mass), 7)
      }),
      { numRuns: 60 },
    )
  })

  test('the bound of mean field holds', () => {
    fc.assert(
      fc.property(seeds, options => {
        const { net, given, mass } = setUp({ ...options, zeros: 0 })
        const { details } = net.query(undefined, { given, method: 'meanfield', samples: 200 })
        expect(details.diagnostics?.lowerBound).toBeLessThanOrEqual(Math.log(mass) + 1e-9)
        expect(details.diagnostics?.hasConverged).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('Gibbs sampling refuses tables with zeros', () => {
    expect(() => sprinkler().query('rain', { method: 'gibbs' })).not.toThrow()
    expect(() => sprinkler().query('rain', { given: { wet: 'yes' }, method: 'gibbs' })).toThrow(
      'Gibbs sampling needs tables without zeros, and one over sprinkler, rain has one',
    )
  })
})

describe('refusals', () => {
  test('a conflict is named by its smallest subset', () => {
    const net = BayesNet.from({
      name: 'gates',
      variables: [
        { name: 'a', states: ['0', '1'], table: [0.5, 0.5] },
        { name: 'b', states: ['0', '1'], table: [0.5, 0.5] },
        { name: 'and', states: ['0', '1'], parents: ['a', 'b'], table: [1, 0, 1, 0, 1, 0, 0, 1] },
        { name: 'copy', states: ['0', '1'], parents: ['and'], table: [1, 0, 0, 1] },
        { name: 'other', states: ['0', '1'], table: [0.3, 0.7] },
      ],
    })
    try {
      net.query('a', { given: { a: '1', other: '0', b: '0', copy: '1' } })
      expect.unreachable()
    } catch (error) {
      if (!isHenceError(error, 'EVIDENCE_IMPOSSIBLE')) throw error
      expect(error.message).toBe('the findings have probability zero: b=0, copy=1 contradict each other')
      expect(error.details).toMatchObject({ conflict: ['b', 'copy'], isSmallest: true })
    }
    expect(() => net.mpe({ given: { copy: '1', a: '0' } })).toThrow('copy=1, a=0 contradict each other')
    expect(() => net.joint(['a'], { given: { copy: '1', a: '0' } })).toThrow('contradict each other')
    expect(() => net.compile().set({ copy: '1', a: '0' }).posterior('other')).toThrow('contradict each other')
    expect(net.logEvidence({ given: { copy: '1', a: '0' } })).toBe(Number.NEGATIVE_INFINITY)
  })

  test('too large for exact methods: refused or sampled, as asked', () => {
    const net = BayesNet.from(randomNetwork({ seed: 3, variables: 30, maxStates: 3, maxParents: 4 }))
    expect(() => net.query('v28', { method: 've', maxCells: 10 })).toThrow(expect.objectContaining({ code: 'INFERENCE_TOO_LARGE' }))
    expect(() => net.query(undefined, { method: 'jtree', maxCells: 10 })).toThrow(expect.objectContaining({ code: 'INFERENCE_TOO_LARGE' }))
    const { details } = net.query('v28', { maxCells: 10 })
    expect(details).toMatchObject({ method: 'lw', isExact: false, diagnostics: { samples: 20_000, seed: 1 } })
    expect(details.cells).toBeGreaterThan(10)
    expect(net.cost('v28', { maxCells: 10 })).toMatchObject({ advice: 'sample', variables: 30 })
  })

  test('names and options', async () => {
    const net = sprinkler()
    expect(() => net.query('rian')).toThrow('the network has no variable "rian"; did you mean "rain"?')
    expect(() => net.query('rain', { given: { wet: 'yess' } })).toThrow('wet has no state "yess"; did you mean "yes"?')
    expect(() => net.query('rain', { given: { wet: [0, 0] } })).toThrow('the likelihood of wet must be numbers from 0 on, not all 0')
    expect(() => net.query('rain', { given: { wet: [1] } })).toThrow('the likelihood of wet has 1 entries instead of 2')
    expect(() => net.query('rain', { given: { wet: 'yes' }, do: { wet: 'no' } })).toThrow('wet is set from outside')
    expect(() => net.query('rain', { methd: 've' } as object)).toThrow('query has no option "methd"; did you mean "method"?')
    expect(() => net.query('rain', { timeoutMs: 0, method: 'lw', samples: 1e7 })).toThrow(expect.objectContaining({ code: 'ABORTED' }))
    const controller = new AbortController()
    const answer = net.queryAsync('rain', { method: 'lw', samples: 1e8, signal: controller.signal })
    setTimeout(() => controller.abort(), 5)
    await expect(answer).rejects.toThrow(expect.objectContaining({ code: 'ABORTED' }))
  })

  test('a variable may be called details', () => {
    const net = BayesNet.from({ name: '', variables: [{ name: 'details', states: ['a', 'b'], table: [0.25, 0.75] }] })
    const posteriors = net.query(['details'])
    expect(posteriors.details).toEqual(Float64Array.of(0.25, 0.75))
    expect(detailsOf(posteriors).isExact).toBe(true)
  })
})
