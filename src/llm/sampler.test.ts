import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import expected from '../../test/references/sampling/fixtures/expected.json' with { type: 'json' }
import { Rng } from '../core/index.ts'
import { type CandidateRule, Candidates, exponential, likeliest } from './candidates.ts'
import { noWords, onlyTokens } from './logits-rules.ts'
import { argmax, DEFAULT_SAMPLING, Sampler, type SamplerOptions, type Sampling } from './sampler.ts'

const OPEN: Sampling = { ...DEFAULT_SAMPLING, temperature: 1, topK: 0, topP: 1, minP: 0 }

/** A sampler of an empty prompt that leaves every token its probability, but for `sampling`. */
function samplerOf(sampling: Partial<Sampling>, seed = 1, more: Partial<SamplerOptions> = {}): Sampler {
  return new Sampler({ sampling: { ...OPEN, ...sampling }, seed, prompt: [], ...more })
}

/** Logits whose differences floating point can tell. */
function tellable(values: readonly number[]): Float32Array {
  return Float32Array.from(values, value => Math.round(value * 2 ** 12) / 2 ** 12)
}

const logitArrays = fc
  .array(
    fc.oneof(fc.double({ min: -30, max: 30, noNaN: true }), fc.double({ min: 0, max: 0.02, noNaN: true }), fc.constantFrom(-1, 0, 1)),
    {
      minLength: 1,
      maxLength: 200,
    },
  )
  .map(tellable)

function sortedIds(logits: Float32Array): number[] {
  return [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b)
}

test('argmax is the first of the largest', () => {
  expect(argmax(Float32Array.of(1, 3, 3, 2))).toBe(1)
  expect(argmax(Float32Array.of(Number.NaN, -Infinity, -5))).toBe(2)
})

test('likeliest are the first of a full sort', () => {
  fc.assert(
    fc.property(logitArrays, fc.integer({ min: 1, max: 250 }), (logits, count) => {
      expect([...likeliest(logits, count)]).toEqual(sortedIds(logits).slice(0, count))
    }),
  )
})

test('e^x without Math.exp', () => {
  fc.assert(
    fc.property(fc.double({ min: -50, max: 0, noNaN: true, minExcluded: true }), x => {
      expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-11)
    }),
  )
  expect([0, -50.1, -Infinity, Number.NaN].map(exponential)).toEqual([1, 0, 0, 0])
})

describe('Candidates', () => {
  const whole: CandidateRule = { largest: 0, scale: 1, topK: 0, topP: 1, minP: 0, typicalP: 1 }
  const left = (logits: Float32Array, rule: Partial<CandidateRule>): number[] => {
    const candidates = new Candidates()
    candidates.take(logits, { ...whole, largest: Math.max(...logits), ...rule })
    return [...candidates.ids]
  }

  test('topP leaves the shortest prefix of a full sort that reaches it', () => {
    const rates = fc.double({ min: 0, max: 0.999, noNaN: true })
    fc.assert(
      fc.property(logitArrays, rates, fc.double({ min: 0.1, max: 5, noNaN: true }), (logits, topP, scale) => {
        const largest = Math.max(...logits)
        const ids = sortedIds(logits)
        let total = 0
        for (let id = 0; id < logits.length; id++) total += Math.exp((logits[id]! - largest) * scale)
        let mass = 0
        let kept = 0
        while (kept < ids.length && mass < topP * total) mass += Math.exp((logits[ids[kept++]!]! - largest) * scale)
        expect(left(logits, { topP, scale })).toEqual(ids.slice(0, Math.max(1, kept)).sort((a, b) => a - b))
      }),
    )
  })

  test('typicalP leaves the fewest tokens nearest to the entropy that reach it', () => {
    const apart = fc
      .uniqueArray(fc.integer({ min: -2_000, max: 2_000 }), { minLength: 2, maxLength: 100 })
      .map(values => Float32Array.from(values, value => value / 97))
    fc.assert(
      fc.property(apart, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (logits, typicalP) => {
        const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0)
        const p = Array.from(logits, logit => Math.exp(logit) / total)
        const entropy = p.reduce((sum, one) => sum - one * Math.log(one), 0)
        const ids = [...p.keys()].sort((a, b) => Math.abs(-Math.log(p[a]!) - entropy) - Math.abs(-Math.log(p[b]!) - entropy))
        let mass = 0
        let kept = 0
        while (kept < ids.length && mass < typicalP) mass += p[ids[kept++]!]!
        // Too close to call in floating point.
        const edge = (id: number | undefined): number => (id === undefined ? 99 : Math.abs(-Math.log(p[id]!) - entropy))
        fc.pre(Math.abs(mass - typicalP) > 1e-9 && Math.abs(edge(ids[kept]) - edge(ids[kept - 1])) > 1e-9)
        fc.pre(mass - p[ids[kept - 1]!]! < typicalP - 1e-9)
        expect(left(logits, { typicalP })).toEqual(ids.slice(0, kept).sort((a, b) => a - b))
      }),
    )
  })

  test('knowing the likeliest tokens changes nothing', () => {
    const rules = fc.record({ topK: fc.integer({ min: 0, max: 12 }), topP: fc.constantFrom(1, 0.9, 0.4), minP: fc.constantFrom(0, 0.1) })
    fc.assert(
      fc.property(logitArrays, rules, fc.integer({ min: 1, max: 12 }), (logits, rule, count) => {
        const likeliest = Int32Array.from(sortedIds(logits).slice(0, count))
        expect(left(logits, { ...rule, likeliest })).toEqual(left(logits, rule))
      }),
    )
  })

  describe('draws without topK are those of a full sort', () => {
    type Cuts = Required<Pick<Sampling, 'temperature' | 'topP' | 'minP'>>

    /** The ids in the order in which a backend tells the first of them: NaN counts as the largest. */
    const ranked = (logits: Float32Array): number[] => {
      const rank = (id: number): number => (Number.isNaN(logits[id]) ? Number.MAX_VALUE : logits[id]!)
      return [...logits.keys()].sort((a, b) => (rank(a) === rank(b) ? a - b : rank(b) - rank(a)))
    }

    /** What a seed draws; undefined where the last token that is left, or the draw, is too close to call in floating point. */
    function plainDraw(logits: Float32Array, { temperature, topP, minP }: Cuts, seed: number): number | undefined {
      const ids = ranked(logits).filter(id => !Number.isNaN(logits[id]))
      const largest = logits[ids[0]!]!
      const weightOf = (id: number): number => Math.exp((logits[id]! - largest) / temperature)
      const total = ids.reduce((sum, id) => sum + weightOf(id), 0)
      const isClose = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9 * total
      let mass = 0
      let count = 0
      while (count < ids.length && (count === 0 || topP === 1 || mass < topP * total)) {
        mass += weightOf(ids[count++]!)
        if (topP < 1 && isClose(mass, topP * total)) return undefined
      }
      const left = ids.slice(0, count).filter(id => weightOf(id) >= minP)
      if (ids.some(id => weightOf(id) < 1 && Math.abs(weightOf(id) - minP) < 1e-9 * minP)) return undefined
      left.sort((a, b) => a - b)
      const kept = left.reduce((sum, id) => sum + weightOf(id), 0)
      let rest = new Rng(seed).uniform() * kept
      for (const id of left) {
        rest -= weightOf(id)
        if (isClose(rest, 0)) return undefined
        if (rest < 0) return id
      }
      return undefined
    }

    function expectPlainDraws(logits: Float32Array, cuts: Cuts, seed: number, known: readonly number[]): void {
      const draw = (likeliest?: Int32Array): number | undefined => samplerOf(cuts, seed).next(logits, likeliest)
      const drawn = draw()
      const ids = ranked(logits)
      for (const count of known) expect(draw(Int32Array.from(ids.slice(0, count)))).toBe(drawn)
      expect(drawn).toBe(plainDraw(logits, cuts, seed) ?? drawn)
    }

    const cuts = fc.record({
      temperature: fc.constantFrom(0.05, 0.7, 1, 1.8, 30),
      topP: fc.oneof(fc.constantFrom(0, 0.5, 0.9, 0.999999, 1), fc.double({ min: 0, max: 1, noNaN: true })),
      minP: fc.constantFrom(0, 0.05, 0.5, 1),
    })

    test('of any logits, with ties, NaN and infinities among them', () => {
      const one = fc.oneof(
        { weight: 4, arbitrary: fc.double({ min: -30, max: 30, noNaN: true }) },
        { weight: 2, arbitrary: fc.double({ min: 0, max: 0.02, noNaN: true }) },
        { weight: 2, arbitrary: fc.constantFrom(-1, 0, 1) },
        { weight: 1, arbitrary: fc.constantFrom(Infinity, -Infinity, Number.NaN) },
      )
      const rows = fc.oneof(fc.array(one, { maxLength: 200 }), fc.array(fc.constantFrom(0, 1, -Infinity), { maxLength: 200 }))
      fc.assert(
        fc.property(rows, cuts, fc.nat(), (row, options, seed) => {
          expectPlainDraws(tellable([...row, 2]), options, seed, [1, 5, 64])
        }),
        { numRuns: 400 },
      )
    })

    test.each([0.2, 1, 3])('of a large vocabulary whose logits are spread by %d', spread => {
      const rng = new Rng(41)
      const logits = Float32Array.from({ length: 8_000 }, () => rng.normal() * spread)
      for (let i = 0; i < 5; i++) {
        logits[rng.below(logits.length)] = 12 * spread * rng.uniform()
        for (const topP of [0.3, 0.9, 0.95])
          for (const minP of [0, 0.02]) expectPlainDraws(logits, { temperature: 0.8, topP, minP }, i, [64])
      }
    })
  })

  test('likeliest tokens that begin with NaN are not gone by', () => {
    const logits = Float32Array.of(1, Number.NaN, 5, 2)
    expect(samplerOf({ temperature: 0 }).next(logits, Int32Array.of(1, 2))).toBe(2)
    expect(samplerOf({ topK: 2 }, 1).next(logits, Int32Array.of(1, 2))).toBe(samplerOf({ topK: 2 }, 1).next(logits))
  })

  test('equal tokens are left by their ids', () => {
    const equal = new Float32Array(1_000).fill(3)
    expect(left(equal, { topP: 0.01 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(left(equal, { topK: 3 })).toEqual([0, 1, 2])
    expect(left(equal, { typicalP: 0.002 })).toEqual([0, 1])
  })

  test('a nucleus of very many tokens ends where it should', () => {
    const [count, wanted] = [100_000, 70_000]
    const logits = new Float32Array(count + 1).fill(-8)
    logits[count] = 0
    const weight = Math.exp(-8)
    const ids = left(logits, { topP: (1 + (wanted - 0.4) * weight) / (1 + count * weight) })
    expect([ids.length, ids[wanted - 1], ids[wanted]]).toEqual([wanted + 1, wanted - 1, count])
  })

  test.each(expected)('leave what transformers leaves: %j', ({ seed, sampling, left: wanted }) => {
    const { temperature = 1, ...rule } = sampling as Partial<Sampling>
    const logits = Float32Array.from({ length: 120 }, (_, i) => 3 * Math.sin((seed + 1) * 12.9898 * (i + 1)))
    const ids = left(logits, { ...rule, scale: 1 / temperature })
    expect(ids).toEqual(wanted.map(([id]) => id))
    const weights = ids.map(id => Math.exp(logits[id]! / temperature))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    for (const [i, weight] of weights.entries()) expect(weight / total).toBeCloseTo(wanted[i]![1]!, 8)
  })
})

/** Probabilities a sampler must give tokens, by the definitions: sort, cut, divide. Nothing here is the sampler's. */
function exactly(logits: Float32Array, sampling: Partial<Sampling>): number[] {
  const { temperature, topK, topP, minP, typicalP } = { ...OPEN, ...sampling }
  let left = Array.from(logits, (logit, id) => ({ id, p: Math.exp(logit / temperature) }))
  const normalise = (): void => {
    const total = left.reduce((sum, { p }) => sum + p, 0)
    left = left.map(({ id, p }) => ({ id, p: p / total }))
  }
  const cut = (mass: number): void => {
    let sum = 0
    left = left.filter(({ p }) => {
      const isLeft = sum < mass
      sum += p
      return isLeft
    })
    normalise()
  }
  left.sort((a, b) => b.p - a.p || a.id - b.id)
  if (topK > 0) left = left.slice(0, topK)
  normalise()
  if (topP < 1) cut(topP)
  left = left.filter(({ p }) => p >= minP * left[0]!.p)
  normalise()
  if (typicalP < 1) {
    const entropy = left.reduce((sum, { p }) => sum - p * Math.log(p), 0)
    left.sort((a, b) => Math.abs(Math.log(a.p) + entropy) - Math.abs(Math.log(b.p) + entropy))
    cut(typicalP)
  }
  const probabilities = new Array<number>(logits.length).fill(0)
  for (const { id, p } of left) probabilities[id] = p
  return probabilities
}

/** Pearson's statistic of `draws` against probabilities, and a bound that right draws pass but once in ten million. */
function chiSquare(draws: readonly (number | undefined)[], probabilities: readonly number[]): { statistic: number; bound: number } {
  const counts = new Array<number>(probabilities.length).fill(0)
  for (const token of draws) counts[token!]!++
  let statistic = 0
  let cells = 0
  // Rare tokens share a cell, for which alone the statistic has its distribution.
  let rare = { p: 0, count: 0 }
  const add = (p: number, count: number): void => {
    statistic += (count - p * draws.length) ** 2 / (p * draws.length)
    cells++
  }
  for (const [token, p] of probabilities.entries()) {
    if (p === 0) expect(counts[token], `token ${token} has no probability`).toBe(0)
    else if (p * draws.length < 10) rare = { p: rare.p + p, count: rare.count + counts[token]! }
    else add(p, counts[token]!)
  }
  if (rare.p > 0) add(rare.p, rare.count)
  // Wilson and Hilferty's cube root, 5.2 standard deviations out.
  const freedom = Math.max(1, cells - 1)
  const bound = freedom * (1 - 2 / (9 * freedom) + 5.2 * Math.sqrt(2 / (9 * freedom))) ** 3
  return { statistic, bound }
}

function expectDraws(draws: readonly (number | undefined)[], probabilities: readonly number[]): void {
  const { statistic, bound } = chiSquare(draws, probabilities)
  expect(statistic).toBeLessThan(bound)
}

describe('draws follow the exact distribution', () => {
  const rng = new Rng(99)
  const logits = Float32Array.from({ length: 60 }, () => rng.normal() * 1.5)
  const DRAWS = 60_000
  const draw = (sampler: Sampler): (number | undefined)[] => Array.from({ length: DRAWS }, () => sampler.next(logits))

  test.each<Partial<Sampling>>([
    {},
    { temperature: 0.5 },
    { temperature: 2 },
    { topK: 5 },
    { topK: 20, temperature: 1.4 },
    { topP: 0.5 },
    { topP: 0.9, temperature: 1.3 },
    { minP: 0.2 },
    { typicalP: 0.5 },
    { typicalP: 0.9, topK: 30 },
    { topK: 25, topP: 0.8, minP: 0.05, temperature: 1.5 },
    { topK: 40, topP: 0.9, minP: 0.03, typicalP: 0.8, temperature: 1.2 },
  ])('of %j', sampling => {
    const wanted = exactly(logits, sampling)
    expectDraws(draw(samplerOf(sampling, 7)), wanted)
    // The same draws do not pass for a distribution a little beside it.
    const beside = exactly(logits, { ...sampling, temperature: (sampling.temperature ?? 1) * 1.15 })
    const drawn = draw(samplerOf(sampling, 8))
    if (beside.every((p, token) => p > 0 === wanted[token]! > 0)) {
      const { statistic, bound } = chiSquare(drawn, beside)
      expect(statistic).toBeGreaterThan(bound)
    }
  })

  test('of a bias, and of penalties after a prompt', () => {
    const bias = new Map([
      [3, 2],
      [17, -1.5],
      [40, 3],
    ])
    const biased = logits.map((logit, token) => logit + (bias.get(token) ?? 0))
    expectDraws(draw(samplerOf({}, 9, { bias })), exactly(biased, {}))
    const penalised = logits.map((logit, token) => (token < 30 ? (logit > 0 ? logit / 1.7 : logit * 1.7) : logit))
    // Each sampler draws once: what it draws would count as written.
    const prompt = Array.from({ length: 30 }, (_, i) => i)
    const once = (seed: number): number | undefined => samplerOf({ repetitionPenalty: 1.7 }, seed, { prompt }).next(logits)
    expectDraws(
      Array.from({ length: 20_000 }, (_, seed) => once(seed)),
      exactly(penalised, {}),
    )
  })

  test('of penalties for what the answer has', () => {
    const sampling = { frequencyPenalty: 0.7, presencePenalty: 0.4 }
    // Two tokens are drawn; the second knows of the first, which a bias all but commands.
    const second = (seed: number): number | undefined => {
      const sampler = samplerOf(sampling, seed)
      sampler.next(Float32Array.from(logits, (_, token) => (token === 11 ? 60 : 0)))
      sampler.next(Float32Array.from(logits, (_, token) => (token === 11 ? 60 : 0)))
      return sampler.next(logits)
    }
    const penalised = logits.map((logit, token) => (token === 11 ? logit - 2 * 0.7 - 0.4 : logit))
    expectDraws(
      Array.from({ length: 20_000 }, (_, seed) => second(seed)),
      exactly(penalised, {}),
    )
  })

  test('of allowed tokens and forbidden words', () => {
    const allowed = [2, 5, 11, 23, 24, 25, 59]
    const only = logits.map((logit, token) => (allowed.includes(token) ? logit : -Infinity))
    expectDraws(draw(samplerOf({}, 10, { rules: [onlyTokens(allowed)] })), exactly(only, {}))
    const without = logits.map((logit, token) => ([5, 6].includes(token) ? -Infinity : logit))
    const rules = [noWords([[5], [8, 6], [9, 7]])]
    const once = (seed: number): number | undefined => samplerOf({}, seed, { rules, prompt: [1, 8] }).next(logits)
    expectDraws(
      Array.from({ length: 20_000 }, (_, seed) => once(seed)),
      exactly(without, {}),
    )
  })
})

describe('Sampler', () => {
  test('temperature 0 takes the likeliest token and leaves the logits alone', () => {
    const logits = Float32Array.of(0, 5, 5, 1)
    expect(samplerOf({ temperature: 0, repetitionPenalty: 2 }, 1, { prompt: [0] }).next(logits)).toBe(1)
    expect([...logits]).toEqual([0, 5, 5, 1])
  })

  test('equal seeds draw equal tokens', () => {
    const logits = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i))
    const draw = (seed: number): (number | undefined)[] => {
      const sampler = samplerOf(DEFAULT_SAMPLING, seed)
      return Array.from({ length: 50 }, () => sampler.next(logits))
    }
    expect(draw(3)).toEqual(draw(3))
    expect(draw(3)).not.toEqual(draw(4))
  })

  test('topK, topP and minP leave out what they say', () => {
    const logits = Float32Array.from([0.5, 0.3, 0.15, 0.05], Math.log)
    const drawn = (sampling: Partial<Sampling>): (number | undefined)[] => {
      const sampler = samplerOf(sampling, 5)
      return [...new Set(Array.from({ length: 500 }, () => sampler.next(logits)))].sort()
    }
    expect(drawn({})).toEqual([0, 1, 2, 3])
    expect(drawn({ topK: 2 })).toEqual([0, 1])
    expect(drawn({ topK: 1 })).toEqual([0])
    expect(drawn({ topP: 0.79 })).toEqual([0, 1])
    expect(drawn({ topP: 0 })).toEqual([0])
    expect(drawn({ minP: 0.25 })).toEqual([0, 1, 2])
    // 0.5, 0.3 and 0.15 of 0.95: the first two are 0.84 of them.
    expect(drawn({ topK: 3, topP: 0.84 })).toEqual([0, 1])
  })

  test('penalties: repetition counts the prompt, frequency and presence the answer', () => {
    const logits = Float32Array.of(2, 1.5, -1)
    expect(samplerOf({ temperature: 0, repetitionPenalty: 2 }, 1, { prompt: [0] }).next(logits)).toBe(1)
    const repeating = samplerOf({ temperature: 0, presencePenalty: 1 }, 1, { prompt: [0] })
    expect([repeating.next(logits), repeating.next(logits)]).toEqual([0, 1])
    const frequent = samplerOf({ temperature: 0, frequencyPenalty: 0.3 })
    expect([frequent.next(logits), frequent.next(logits), frequent.next(logits)]).toEqual([0, 0, 1])
  })

  test('draws nothing when the rules forbid everything', () => {
    const rules = [onlyTokens([1, 2]), noWords([[1], [2, 2]])]
    const sampler = samplerOf({}, 1, { rules, bias: new Map([[1, 1_000]]) })
    expect([sampler.next(new Float32Array(4)), sampler.next(new Float32Array(4))]).toEqual([2, undefined])
  })

  test('always draws a token of the vocabulary, whatever the logits', () => {
    const wild = fc.array(fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity)), { minLength: 1, maxLength: 20 })
    const sampling = fc.record({
      temperature: fc.double({ min: 0, max: 1_000, noNaN: true }),
      topK: fc.integer({ min: 0, max: 30 }),
      topP: fc.double({ min: 0, max: 1, noNaN: true }),
      minP: fc.double({ min: 0, max: 1, noNaN: true }),
      typicalP: fc.double({ min: 0, max: 1, noNaN: true }),
      repetitionPenalty: fc.double({ min: 1e-3, max: 1_000, noNaN: true }),
      frequencyPenalty: fc.double({ min: -1_000, max: 1_000, noNaN: true }),
      presencePenalty: fc.double({ min: -1_000, max: 1_000, noNaN: true }),
    })
    fc.assert(
      fc.property(wild, sampling, fc.nat(), (values, options, seed) => {
        const sampler = samplerOf(options, seed, { prompt: [0] })
        for (let i = 0; i < 3; i++) {
          const token = sampler.next(Float32Array.from(values))
          expect(Number.isInteger(token) && token! >= 0 && token! < values.length).toBe(true)
        }
      }),
    )
  })
})
