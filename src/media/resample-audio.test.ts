import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ResampledAudio } from './resample-audio.ts'

function tone(hertz: number, sampleRate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(sampleRate * seconds) }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / sampleRate))
}

function resampled(samples: Float32Array, from: number, to: number): Float32Array {
  const audio = new ResampledAudio(samples, from, to)
  return audio.range(0, audio.length)
}

/** Largest distance in the middle of the sound, where no end is near. */
function distance(a: Float32Array, b: Float32Array): number {
  const edge = 400
  let most = 0
  for (let i = edge; i < Math.min(a.length, b.length) - edge; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

describe('ResampledAudio', () => {
  it.each([8_000, 11_025, 22_050, 32_000, 44_100, 44_101, 48_000, 96_000, 192_000, 12_345])('keeps tones of %i Hz sound', from => {
    for (const hertz of [50, 440, 3_000]) {
      const made = resampled(tone(hertz, from, 0.25), from, 16_000)
      expect(made.length).toBe(Math.ceil((Math.round(from * 0.25) * 16_000) / from))
      expect(distance(made, tone(hertz, 16_000, 0.25)), `${hertz} Hz`).toBeLessThan(2e-4)
    }
  })

  it('lets nothing through that the lower rate cannot hold', () => {
    for (const hertz of [8_600, 10_000, 15_000, 20_000]) {
      const made = resampled(tone(hertz, 44_100, 0.25), 44_100, 16_000)
      expect(distance(made, new Float32Array(made.length)), `${hertz} Hz`).toBeLessThan(1e-4)
    }
  })

  it('leaves sound of the same rate alone', () => {
    const samples = tone(440, 16_000, 0.1)
    expect(resampled(samples, 16_000, 16_000)).toEqual(samples)
  })

  it('gives the same wherever it is asked', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 1_000_000 }),
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 0, max: 300 }),
        (from, begin, count) => {
          const audio = new ResampledAudio(tone(300, 8_000, 0.02), from, 16_000)
          const all = audio.range(0, 700)
          expect(audio.range(begin, begin + count)).toEqual(all.slice(begin, begin + count))
          expect(all.every(Number.isFinite)).toBe(true)
        },
      ),
      { numRuns: 6 },
    )
  })

  it('refuses rates that no recording has', () => {
    for (const rate of [0, 1, 99, 1_000_001, Number.NaN])
      expect(() => new ResampledAudio(new Float32Array(1), rate, 16_000)).toThrow(expect.objectContaining({ code: 'FORMAT_UNSUPPORTED' }))
  })
})
