import { describe, expect, it } from 'vitest'
import { LogMel } from './log-mel.ts'
import { melFilters } from './mel-filters.ts'

const WHISPER = { sampleRate: 16_000, window: 400, hop: 160 }

describe('LogMel', () => {
  it('takes no sound, one sample, and more than fits', async () => {
    const logMel = new LogMel({ ...WHISPER, mels: 128 })
    const silence = await logMel.features(new Float32Array(0), 10)
    expect(new Set(silence)).toEqual(new Set([Math.fround((-10 + 4) / 4)]))
    const click = await logMel.features(Float32Array.of(1), 10)
    expect(click.every(Number.isFinite)).toBe(true)
    expect(Math.max(...click.subarray(0, 128))).toBeGreaterThan(Math.max(...click.subarray(2 * 128)))
    const long = Float32Array.from({ length: 5_000 }, (_, i) => Math.sin(i))
    expect(await logMel.features(long, 10)).toEqual(await logMel.features(long.slice(0, 1_600), 10))
  })
})

describe('melFilters', () => {
  // The first corners of librosa.filters.mel(sr=16000, n_fft=400, n_mels=80): 0, 37.2, 74.5 Hz.
  it('has triangles of equal area', () => {
    const { mels, bins, weights } = melFilters(80, 4_001, 16_000)
    for (const mel of [0, 20, 40, 79]) {
      const area = weights.subarray(mel * bins, (mel + 1) * bins).reduce((a, b) => a + b, 0) * 2
      expect(area, `band ${mel} of ${mels}`).toBeCloseTo(1, 1)
    }
    expect(weights[4 * 4 + 2]).toBeGreaterThan(0)
  })
})
