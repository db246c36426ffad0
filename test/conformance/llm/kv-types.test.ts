/** What keys and values of fewer bits cost, as docs/precision.md promises. */
import { expect, test } from 'vitest'
import type { KvType } from '../../../src/llm/index.ts'
import { inspect, load } from '../../../src/tasks/index.ts'
import { availableBackends } from '../../backends.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'
import { kvCosine, LARGEST_KV_GROWTH, SMALLEST_I8_COSINE, storiesPerplexity } from './kv-types.ts'

const PACES = ['at once', 'few by few'] as const
const backends = availableBackends()
const natives = backends.filter(({ isNative }) => isNative)

describeWithTestdata('keys and values of fewer bits', () => {
  test.each(backends)('perplexity on $name', async ({ open, isNative }) => {
    const backend = open()
    const own = await storiesPerplexity('f32', backend, 'exact', 'at once')
    const kvTypes = Object.entries(LARGEST_KV_GROWTH)
    // The reference backend has one way to compute a text, and takes its time.
    for (const [kvType, largestGrowth] of isNative ? kvTypes : kvTypes.slice(-1))
      for (const pace of isNative ? PACES : PACES.slice(0, 1)) {
        const perplexity = await storiesPerplexity(kvType as KvType, backend, 'fast', pace)
        expect(Math.abs(perplexity / own - 1), `${kvType}, ${pace}`).toBeLessThan(largestGrowth)
      }
    backend.dispose()
  })

  // Where most kernels are; the contract suite holds each of them elsewhere.
  test.each(Object.entries(SMALLEST_I8_COSINE))('logits of %s', async (folder, smallest) => {
    const backend = (natives[0] ?? backends[0]!).open()
    expect(await kvCosine(folder, 'i8', backend)).toBeGreaterThan(smallest)
    backend.dispose()
  })

  // Sooner or later two words are so nearly as likely that a small error decides.
  test('a story begins as it does with 32 bits', async () => {
    const stories: string[] = []
    for (const kvType of ['f32', 'i8'] as const) {
      using model = await load(testdata('llm', 'stories260K', 'stories260K.bin'), { kind: 'language', kvType })
      stories.push((await model.generate('Once upon a time', { temperature: 0, maxTokens: 96 }).done()).text)
    }
    expect(stories[1]).toBe(stories[0])
  })

  test('a model that has no keys and values refuses to be told how to hold them', async () => {
    const path = testdata('refs', 'mamba')
    await expect(inspect(path, { kind: 'language', kvType: 'i8' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('mamba'),
    })
    expect((await inspect(path, { kind: 'language' })).memory.kvBytesPerToken).toBe(0)
    expect((await inspect(testdata('refs', 'lfm2'), { kind: 'language', kvType: 'i8' })).memory.kvType).toBe('i8')
  })
})
