/**
 * A feature that is missing must not pass unseen: without it, logits of the long prompt differ by what transformers says
 * where the references say so, else by far more than the tolerance.
 */
import { expect, test } from 'vitest'
import { referenceBackend } from '../../../src/backends/index.ts'
import type { DecoderSource } from '../../../src/llm/index.ts'
import { describeWithTestdata } from '../../testdata.ts'
import { compileReference, copyOf, huggingFaceReference, largestDifference, scatteredBlocks, wholePrompt } from './reference-model.ts'

type Config = DecoderSource['config']
type Layer = Config['layers'][number]

/** Logits without a feature that the references do not measure move at least this much: five hundred times the tolerance. */
const CLEARLY = 0.1

const layers =
  (change: (layer: Layer) => Layer) =>
  (config: Config): Config => ({ ...config, layers: config.layers.map(change) })
const mixers = (change: Partial<Layer['mixer']>) => layers(layer => ({ ...layer, mixer: { ...layer.mixer, ...change } }))
const ropes =
  (change: Partial<Config['ropes'][number]>) =>
  (config: Config): Config => ({ ...config, ropes: config.ropes.map(rope => ({ ...rope, ...change })) })
const plain = (config: Config): Config => ({
  ...config,
  ropes: config.ropes.map(rope => ({
    ...rope,
    frequencies: rope.frequencies.map((_, i) => 10_000 ** (-i / rope.frequencies.length)),
  })),
})

const CASES: readonly [model: string, feature: string, without: (config: Config) => Config, difference?: number][] = [
  ['mistral', 'the window', mixers({ window: null }), 10.907],
  ['llama-rope3', 'stretched frequencies', plain, 7.31],
  ['gemma2', 'windows', mixers({ window: null }), 6.548],
  ['gemma2', 'the cap of scores', mixers({ softcap: null }), 4.738],
  ['gemma2', 'the cap of logits', config => ({ ...config, logitSoftcap: null }), 3.373],
  ['gemma2', 'scaled embeddings', config => ({ ...config, embeddingScale: 1 })],
  ['gemma3', 'windows', mixers({ window: null }), 9.09],
  ['gemma3', 'rotary positions of its own where there is a window', mixers({ rope: 0 })],
  ['gemma3', 'norms of heads', mixers({ queryKeyNorm: null })],
  ['gemma3', 'the scale of scores', mixers({ scale: 1 / 4 })],
  ['gpt_neox', 'attention and MLP side by side', layers(layer => ({ ...layer, isParallel: false })), 7.27],
  ['smollm3', 'layers without positions', mixers({ rope: 0 }), 2.659],
  ['qwen3', 'norms of heads', mixers({ queryKeyNorm: null })],
  ['olmo2', 'norms of all heads', mixers({ queryKeyNorm: null })],
  ['phi3-longrope', 'the frequencies of long sequences', ropes({ long: null })],
  ['phi3-longrope', 'the scale of turns', ropes({ scale: 1 })],
]

describeWithTestdata('without a feature', () => {
  test.each(CASES)('%s: %s', async (name, _, without, difference) => {
    const model = await huggingFaceReference(name)
    const { source } = model
    const config = without(source.config)
    // Norms that the configuration has no place for would be refused.
    const tensors = [...source.checkpoint.tensors].filter(([tensor]) => config.layers[0]!.mixer.queryKeyNorm || !/[qk]_norm/.test(tensor))
    const checkpoint = { ...source.checkpoint, tensors: new Map(tensors) }
    const decoder = await compileReference({ source: { ...source, config, checkpoint } }, referenceBackend())
    const outputs = await decoder.run([wholePrompt(model.prompts[2]!.ids, scatteredBlocks(config.context, 1, 0))])
    const moved = largestDifference(copyOf(outputs, 'logits'), (await model.numbers(2, 'logits'))!)
    if (difference === undefined) expect(moved).toBeGreaterThan(CLEARLY)
    else expect(Math.abs(moved - difference)).toBeLessThan(0.01)
    decoder.dispose()
    await model.close()
  })
})
