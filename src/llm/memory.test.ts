import { describe, expect, test } from 'vitest'
import { type AttentionConfig, type DecoderConfig, INPUT_NORMS } from './decoder-config.ts'
import { formatBytes, kvBytesPerToken, planContext, sequencesThatFit, stateBytesPerSequence, tokensThatFit } from './memory.ts'
import { plainRope, ropeFrequencies } from './rope-frequencies.ts'

const mixer: AttentionConfig = {
  kind: 'attention',
  ...{ heads: 8, kvHeads: 2, headDim: 64, scale: 1 / 8, window: null, softcap: null, rope: 0, queryKeyNorm: null },
  hasQkvBias: false,
  hasOutputBias: false,
  hasSinks: false,
}
const config: DecoderConfig = {
  architecture: 'llama',
  vocabulary: 1_000,
  hidden: 512,
  context: 32_768,
  norm: { kind: 'rms', epsilon: 1e-5, hasBias: false },
  embeddingScale: 1,
  positions: null,
  ropes: [{ ...plainRope(ropeFrequencies(64, 10_000)), style: 'half' }],
  layers: new Array(4).fill({
    mixer,
    mlp: { width: 1_024, activation: 'silu', isGated: true, hasBias: false },
    norms: INPUT_NORMS,
    isParallel: false,
  }),
  hasTiedHead: true,
  logitSoftcap: null,
}
/** 2 · 4 layers · 2 key heads · 64 numbers · 2 bytes. */
const PER_TOKEN = 2_048
const plan = (more: { fixedBytes: number; availableBytes: number; context?: number }): ReturnType<typeof planContext> =>
  planContext({ config, kvType: 'f16', ...more })

test('bytes per token', () => {
  expect(kvBytesPerToken(config, 'f16')).toBe(PER_TOKEN)
  expect(kvBytesPerToken(config, 'f32')).toBe(2 * PER_TOKEN)
  // A byte per number and an f32 scale per head: 2 · 4 layers · 2 key heads · (64 + 4).
  expect(kvBytesPerToken(config, 'i8')).toBe(1_088)
  expect(tokensThatFit(config, 'i8', 100 * PER_TOKEN)).toBe(176)
  expect(tokensThatFit(config, 'f16', 100 * PER_TOKEN)).toBe(96)
  expect(tokensThatFit(config, 'f16', -1)).toBe(0)
})

describe('states', () => {
  const scan = { kind: 'selective_scan', width: 1_000, stateSize: 16, timeStepRank: 8, taps: 4, isLogarithm: true } as const
  const conv = { kind: 'short_conv', width: 512, taps: 3, hasBias: false } as const
  const mixers = [{ ...scan, hasConvBias: true, hasBias: false }, conv, mixer]
  const mixed = { ...config, layers: mixers.map(one => ({ ...config.layers[0]!, mixer: one })) }
  const perSequence = 4 * (1_000 * (16 + 3) + 512 * 2)

  test('bytes of a sequence do not depend on its length, and only attention has keys', () => {
    expect(stateBytesPerSequence(mixed)).toBe(perSequence)
    expect(stateBytesPerSequence(config)).toBe(0)
    expect(kvBytesPerToken(mixed, 'f16')).toBe(PER_TOKEN / 4)
  })

  test('sequences at once are those whose states fit into a quarter', () => {
    expect(sequencesThatFit(mixed, 4 * 10 * perSequence, 64)).toBe(10)
    expect(sequencesThatFit(mixed, 0, 64)).toBe(1)
    expect(sequencesThatFit(config, 0, 64)).toBe(64)
  })

  test('without attention any context fits', () => {
    const bare = { ...config, layers: mixed.layers.slice(0, 2) }
    expect(tokensThatFit(bare, 'f16', 0)).toBe(32_768)
    expect(planContext({ config: bare, kvType: 'f16', fixedBytes: 0, availableBytes: 1_000 })).toEqual({
      context: 4_096,
      poolTokens: 16_384,
    })
  })
})

describe('planContext', () => {
  test('4,096 tokens by default, and a pool of four contexts', () => {
    expect(plan({ fixedBytes: 0, availableBytes: 2 ** 40 })).toEqual({ context: 4_096, poolTokens: 16_384 })
  })

  test('a quarter of what is left when memory is short', () => {
    expect(plan({ fixedBytes: 1_000, availableBytes: 1_000 + 4 * 320 * PER_TOKEN })).toEqual({ context: 320, poolTokens: 320 })
  })

  test('what the caller asks for, up to all that is left', () => {
    expect(plan({ fixedBytes: 0, availableBytes: 8_000 * PER_TOKEN, context: 8_000 })).toEqual({ context: 8_000, poolTokens: 8_000 })
  })

  test('refuses what cannot fit, with the sum', () => {
    expect(() => plan({ fixedBytes: 1_000, availableBytes: 1_000 + 100 * PER_TOKEN, context: 101 })).toThrow(
      expect.objectContaining({
        code: 'OUT_OF_MEMORY',
        message: expect.stringMatching(/1000 B of weights .* 101 tokens × 2\.00 KiB .* largest context that fits is 96/),
        details: expect.objectContaining({ largestContext: 96, kvBytes: 112 * PER_TOKEN }),
      }),
    )
    expect(() => plan({ fixedBytes: 10, availableBytes: 5 })).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }))
  })

  test('refuses more than the model was made for', () => {
    expect(() => plan({ fixedBytes: 0, availableBytes: 2 ** 40, context: 40_000 })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})

test('formatBytes', () => {
  expect([0, 1_023, 1_536, 3 * 2 ** 30].map(formatBytes)).toEqual(['0 B', '1023 B', '1.50 KiB', '3.00 GiB'])
})
