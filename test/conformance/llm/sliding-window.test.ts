/** A missing window would pass unseen where prompts are short: without it mistral's logits must differ by what the reference says. */
import { expect, test } from 'vitest'
import { referenceBackend } from '../../../src/backends/index.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { compileReference, copyOf, huggingFaceReference, largestDifference, scatteredBlocks, wholePrompt } from './reference-model.ts'

describeWithTestdata('sliding window', () => {
  test('mistral without its window differs by 10.9 on the long prompt', async () => {
    const model = await huggingFaceReference('mistral')
    const { config } = model.source
    const layers = config.layers.map(layer => ({ ...layer, mixer: { ...layer.mixer, window: null } }))
    const decoder = await compileReference({ ...model, source: { ...model.source, config: { ...config, layers } } }, referenceBackend())
    const outputs = await decoder.run([wholePrompt(model.prompts[2]!.ids, scatteredBlocks(config.context, 1, 0))])
    const expected = await model.numbers(2, 'logits')
    expect(largestDifference(copyOf(outputs, 'logits'), expected!)).toBeCloseTo(10.907, 2)
    decoder.dispose()
    await model.close()
  })
})
