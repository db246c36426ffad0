import { describe, expect, test } from 'vitest'
import { ConfigFields } from './config-fields.ts'
import { scaledRope } from './rope-frequencies.ts'

const MODEL = { dims: 16, base: 10_000, context: 256 }

function rope(scaling: Readonly<Record<string, unknown>>, model = MODEL): ReturnType<typeof scaledRope> {
  return scaledRope(model, ConfigFields.ofObject('test', scaling))
}

function expectFrequencies(actual: Float32Array, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length)
  for (const [i, value] of expected.entries()) expect(Math.abs(actual[i]! / value - 1), `pair ${i}`).toBeLessThan(3e-7)
}

/** Answers of transformers 5.18. */
describe('stretched rotary positions', () => {
  test('llama3', () => {
    const settings = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 64 }
    const { frequencies, scale } = rope({ rope_type: 'llama3', factor: 8, ...settings })
    expectFrequencies(frequencies, [
      ...[1.0, 0.24438458681106567, 0.013042256236076355, 0.0039528473280370235],
      ...[0.0012499999720603228, 0.00039528473280370235, 0.0001250000059371814, 3.9528473280370235e-5],
    ])
    expect(scale).toBe(1)
  })

  test('yarn', () => {
    const { frequencies, scale, long } = rope({ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 })
    expectFrequencies(frequencies, [
      ...[1.0, 0.23717081546783447, 0.04999999701976776, 0.007905694656074047],
      ...[0.0024999999441206455, 0.0007905694656074047, 0.0002500000118743628, 7.905694656074047e-5],
    ])
    expect(scale).toBeCloseTo(1.138629436111989, 12)
    expect(long).toBeNull()
  })

  test('yarn between fractions of pairs', () => {
    const settings = { beta_fast: 8, beta_slow: 1, truncate: false, original_max_position_embeddings: 64 }
    const { frequencies, scale } = rope({ rope_type: 'yarn', factor: 32, ...settings }, { ...MODEL, base: 150_000 })
    expectFrequencies(frequencies, [
      ...[1.0, 0.09433399140834808, 0.0015879147686064243, 0.0003579445765353739],
      ...[8.068715396802872e-5, 1.818833698052913e-5, 4.099978468730114e-6, 9.242089618055616e-7],
    ])
    expect(scale).toBeCloseTo(1.3465735902799727, 12)
  })

  test('yarn with weights of its scale', () => {
    const settings = { factor: 8, original_max_position_embeddings: 64, mscale: 0.7, mscale_all_dim: 1 }
    expect(rope({ rope_type: 'yarn', ...settings }).scale).toBeCloseTo(0.9483558523503399, 12)
    expect(rope({ rope_type: 'yarn', ...settings, attention_factor: 1.5 }).scale).toBe(1.5)
  })

  test.each(['longrope', 'su'])('%s', name => {
    const settings = { short_factor: [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7], long_factor: [1, 2, 3, 4, 5, 6, 7, 8] }
    const { frequencies, scale, long } = rope({ rope_type: name, ...settings, original_max_position_embeddings: 48 })
    expectFrequencies(frequencies, [
      ...[1.0, 0.2874797582626343, 0.0833333358168602, 0.024325214326381683],
      ...[0.0071428571827709675, 0.0021081853192299604, 0.0006249999860301614, 0.0001860163320088759],
    ])
    expectFrequencies(long!.frequencies, [
      ...[1.0, 0.15811388194561005, 0.03333333507180214, 0.007905694656074047],
      ...[0.0020000000949949026, 0.0005270463298074901, 0.0001428571413271129, 3.9528473280370235e-5],
    ])
    expect(long!.after).toBe(48)
    expect(scale).toBeCloseTo(1.1968366028862631, 12)
  })

  test.each([
    ['an unknown kind', { rope_type: 'spiral' }, /known are default/],
    ['too few factors', { rope_type: 'longrope', short_factor: [1], long_factor: [1] }, /short_factor has 1 numbers, 8 pairs/],
    ['factors that are no numbers', { rope_type: 'longrope', short_factor: 'all', long_factor: [] }, /short_factor is all/],
    ['no factors', { rope_type: 'longrope' }, /short_factor is missing/],
    ['no stretch', { rope_type: 'linear' }, /factor is missing/],
    ['frequencies in the wrong order', { rope_type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 1 }, /must be more than/],
  ])('%s: CONFIG_INVALID', (_, scaling, message) => {
    expect(() => rope(scaling)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }))
  })
})
