import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { likeliest, nucleus } from './candidates.ts'
import { argmax, DEFAULT_SAMPLING, Sampler, type Sampling } from './sampler.ts'

const OPEN: Sampling = { ...DEFAULT_SAMPLING, temperature: 1, topK: 0, topP: 1, minP: 0 }

const logitArrays = fc
  .array(fc.oneof(fc.double({ min: -30, max: 30, noNaN: true }), fc.constantFrom(-1, 0, 1)), { minLength: 1, maxLength: 200 })
  .map(values => Float32Array.from(values))

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

test('the nucleus is the shortest prefix of a full sort that reaches topP', () => {
  fc.assert(
    fc.property(
      logitArrays,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.double({ min: 0.1, max: 5, noNaN: true }),
      (logits, topP, scale) => {
        const largest = Math.max(...logits)
        const ids = sortedIds(logits)
        let total = 0
        for (let id = 0; id < logits.length; id++) total += Math.exp((logits[id]! - largest) * scale)
        let mass = 0
        let kept = 0
        while (kept < ids.length && mass < topP * total) mass += Math.exp((logits[ids[kept++]!]! - largest) * scale)
        expect([...nucleus(logits, largest, scale, topP)]).toEqual(ids.slice(0, Math.max(1, kept)))
      },
    ),
  )
})

describe('Sampler', () => {
  test('temperature 0 takes the likeliest token and leaves the logits alone', () => {
    const logits = Float32Array.of(0, 5, 5, 1)
    expect(new Sampler({ ...OPEN, temperature: 0, repetitionPenalty: 2 }, 1, [0]).next(logits)).toBe(1)
    expect([...logits]).toEqual([0, 5, 5, 1])
  })

  test('equal seeds draw equal tokens', () => {
    const logits = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i))
    const draw = (seed: number): number[] => {
      const sampler = new Sampler(DEFAULT_SAMPLING, seed, [])
      return Array.from({ length: 50 }, () => sampler.next(logits))
    }
    expect(draw(3)).toEqual(draw(3))
    expect(draw(3)).not.toEqual(draw(4))
  })

  test('draws as often as the probabilities say', () => {
    const probabilities = [0.5, 0.3, 0.15, 0.05]
    const logits = Float32Array.from(probabilities, Math.log)
    const counts = [0, 0, 0, 0]
    const sampler = new Sampler(OPEN, 11, [])
    const draws = 40_000
    for (let i = 0; i < draws; i++) counts[sampler.next(logits)]!++
    // Five standard deviations.
    for (const [i, p] of probabilities.entries())
      expect(Math.abs(counts[i]! / draws - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / draws))
  })

  test('topK, topP and minP leave out what they say', () => {
    const logits = Float32Array.from([0.5, 0.3, 0.15, 0.05], Math.log)
    const drawn = (sampling: Partial<Sampling>): number[] => {
      const sampler = new Sampler({ ...OPEN, ...sampling }, 5, [])
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
    expect(new Sampler({ ...OPEN, temperature: 0, repetitionPenalty: 2 }, 1, [0]).next(logits)).toBe(1)
    const repeating = new Sampler({ ...OPEN, temperature: 0, presencePenalty: 1 }, 1, [0])
    expect([repeating.next(logits), repeating.next(logits)]).toEqual([0, 1])
    const frequent = new Sampler({ ...OPEN, temperature: 0, frequencyPenalty: 0.3 }, 1, [])
    expect([frequent.next(logits), frequent.next(logits), frequent.next(logits)]).toEqual([0, 0, 1])
  })

  test('always draws a token of the vocabulary, whatever the logits', () => {
    const wild = fc.array(fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity)), { minLength: 1, maxLength: 20 })
    const sampling = fc.record({
      temperature: fc.double({ min: 0, max: 1_000, noNaN: true }),
      topK: fc.integer({ min: 0, max: 30 }),
      topP: fc.double({ min: 0, max: 1, noNaN: true }),
      minP: fc.double({ min: 0, max: 1, noNaN: true }),
      repetitionPenalty: fc.double({ min: 1e-3, max: 1_000, noNaN: true }),
      frequencyPenalty: fc.double({ min: -1_000, max: 1_000, noNaN: true }),
      presencePenalty: fc.double({ min: -1_000, max: 1_000, noNaN: true }),
    })
    fc.assert(
      fc.property(wild, sampling, fc.nat(), (values, options, seed) => {
        const sampler = new Sampler(options, seed, [0])
        for (let i = 0; i < 3; i++) {
          const token = sampler.next(Float32Array.from(values))
          expect(Number.isInteger(token) && token >= 0 && token < values.length).toBe(true)
        }
      }),
    )
  })
})
