/** What quantised weights cost a trained model, as docs/precision.md promises. */
import { expect, test } from 'vitest'
import type { WeightType } from '../../../src/formats/index.ts'
import { openLlama2c } from '../../../src/formats/index.ts'
import { decoderFromLlama2c } from '../../../src/llm/index.ts'
import { availableBackends } from '../../backends.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { perplexityOf } from './perplexity.ts'
import { LARGEST_FAST_CHANGE, LARGEST_GROWTH, perplexities } from './quantised.ts'
import { widenedStories } from './widened-stories.ts'

/** Of the file itself, on unseen stories. */
const PERPLEXITY = 4.1675

const backends = availableBackends()
// The reference backend has one precision, and takes its time.
const natives = backends.filter(({ isNative }) => isNative)

describeWithTestdata('quantised', () => {
  test('zeros around its matrices leave the perplexity of a model as it is', async () => {
    const backend = (natives[0] ?? backends[0]!).open()
    const file = await openLlama2c(testdata('llm', 'stories260K', 'stories260K.bin'))
    const own = await perplexityOf(decoderFromLlama2c(file, 'stories260K'), backend, 'exact', 'at once')
    expect(own).toBeCloseTo(PERPLEXITY, 3)
    expect(await perplexityOf(await widenedStories('f32'), backend, 'exact', 'at once')).toBeCloseTo(own, 4)
    await file.close()
    backend.dispose()
  })

  // All types where most kernels are, one of them everywhere; the contract suite holds each kernel of each type elsewhere.
  test.skipIf(natives.length === 0).each(Object.entries(LARGEST_GROWTH))('perplexity with %s', async (type, largestGrowth) => {
    for (const target of type === 'q4_k' ? natives : natives.slice(0, 1)) {
      const backend = target.open()
      const { exact, fast } = await perplexities(type as WeightType, backend)
      expect(exact / PERPLEXITY - 1, `${target.name}, exact`).toBeLessThan(largestGrowth)
      for (const [pace, perplexity] of Object.entries(fast))
        expect(Math.abs(perplexity / exact - 1), `${target.name}, fast, ${pace}`).toBeLessThan(LARGEST_FAST_CHANGE)
      backend.dispose()
    }
  })
})
