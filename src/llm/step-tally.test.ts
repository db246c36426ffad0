import { expect, test } from 'vitest'
import type { BatchSlice } from './batch.ts'
import type { LayerConfig } from './decoder-config.ts'
import { StepTally } from './step-tally.ts'

const layer = (window: number | null): LayerConfig =>
  ({ mixer: { kind: 'attention', kvHeads: 2, headDim: 8, window } }) as unknown as LayerConfig
const scan = { mixer: { kind: 'selective_scan' } } as unknown as LayerConfig
const slice = (start: number, count: number): BatchSlice => ({ tokens: [], start, count, rowCount: 1, blocks: [] })

test('steps are counted by their tokens, in vLLM’s buckets', () => {
  const tally = new StepTally({ layers: [layer(null)] }, { weightBytes: 0, kvBytesPerToken: 0 })
  for (const counts of [[1], [1, 1], [8], [9], [500, 12], [16_384], [16_000, 385]])
    tally.count(
      counts.map(count => slice(0, count)),
      2,
    )
  const { tokenBuckets, tokens, computeMs } = tally.activity
  expect(tokenBuckets.filter(({ steps }) => steps > 0)).toEqual([
    { most: 1, steps: 1 },
    { most: 8, steps: 2 },
    { most: 16, steps: 1 },
    { most: 512, steps: 1 },
    { most: 16_384, steps: 1 },
    { most: null, steps: 1 },
  ])
  expect(tokenBuckets.map(({ most }) => most)).toEqual([1, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, null])
  expect([tokens, computeMs]).toEqual([1 + 2 + 8 + 9 + 512 + 16_384 + 16_385, 14])
})

test('a step reads every weight, and the keys and values that are seen', () => {
  const reads = { weightBytes: 1_000, kvBytesPerToken: 10 }
  const all = new StepTally({ layers: [layer(null), scan] }, reads)
  all.count([slice(99, 1), slice(40, 10)], 2)
  expect(all.activity).toMatchObject({ readBytes: 1_000 + 150 * 10, readBytesPerSecond: 2_500 / 0.002 })
  // Half of the keys are those of a layer that sees the newest twenty.
  const windowed = new StepTally({ layers: [layer(null), layer(20)] }, reads)
  windowed.count([slice(99, 1)], 1)
  expect(windowed.activity.readBytes).toBe(1_000 + 60 * 10)
  const recurrent = new StepTally({ layers: [scan] }, { weightBytes: 7, kvBytesPerToken: 0 })
  expect(recurrent.activity).toMatchObject({ readBytes: 0, readBytesPerSecond: 0 })
  recurrent.count([slice(0, 3)], 1)
  expect(recurrent.activity.readBytes).toBe(7)
})

test('the speed is that of the last steps', () => {
  const tally = new StepTally({ layers: [scan] }, { weightBytes: 1_000, kvBytesPerToken: 0 })
  for (let i = 0; i < 300; i++) tally.count([slice(0, 1)], 100)
  for (let i = 0; i < 300; i++) tally.count([slice(0, 1)], 1)
  expect(tally.activity.readBytesPerSecond / 1e6).toBeCloseTo(1, 2)
})
