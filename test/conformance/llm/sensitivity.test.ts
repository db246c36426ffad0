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
type Attention = Extract<Layer['mixer'], { kind: 'attention' }>
type Experts = Extract<Layer['mlp'], { kind: 'experts' }>

/** Logits without a feature that the references do not measure move at least this much: five hundred times the tolerance. */
const CLEARLY = 0.1

const layers =
  (change: (layer: Layer) => Layer) =>
  (config: Config): Config => ({ ...config, layers: config.layers.map(change) })
const mixers = (change: Partial<Attention>) =>
  layers(layer => (layer.mixer.kind === 'attention' ? { ...layer, mixer: { ...layer.mixer, ...change } } : layer))
const experts = (change: Partial<Experts>) => layers(layer => ({ ...layer, mlp: { ...(layer.mlp as Experts), ...change } }))
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
  ['gpt_oss', 'windows', mixers({ window: null }), 9.67],
  ['gpt_oss', 'sinks', mixers({ hasSinks: false })],
  ['gpt_oss', 'the scale of turns', ropes({ scale: 1 })],
  ['gpt_oss', 'stretched frequencies', plain],
  ['gpt_oss', 'the sharper gate', experts({ gating: { alpha: 1, limit: 7 } })],
  ['gpt_oss', 'the bias of the router', experts({ hasRouterBias: false })],
  ['gpt_oss', 'biases of experts', experts({ hasBias: false })],
  ['mixtral', 'one of its experts', experts({ perToken: 1 })],
  ['mixtral', 'weights of experts that sum to 1', experts({ isNormalized: false })],
  ['qwen3_moe', 'one of its experts', experts({ perToken: 1 })],
  ['qwen3_moe', 'weights of experts that sum to 1', experts({ isNormalized: false })],
  ['qwen3_moe', 'norms of heads', mixers({ queryKeyNorm: null })],
  ['lfm2', 'norms of heads', mixers({ queryKeyNorm: null })],
]

/** Names of tensors that a configuration without a feature has no place for. */
function unwanted({ layers: all }: Config): RegExp[] {
  const attention = all.flatMap(({ mixer }) => (mixer.kind === 'attention' ? [mixer] : []))
  const routed = all.flatMap(({ mlp }) => (mlp && 'kind' in mlp ? [mlp] : []))
  return [
    ...(attention.some(({ queryKeyNorm }) => queryKeyNorm) ? [] : [/[qk]_(layer)?norm/]),
    ...(attention.some(({ hasSinks }) => hasSinks) ? [] : [/sinks/]),
    ...(routed.some(({ hasRouterBias }) => hasRouterBias) ? [] : [/router\.bias/]),
    ...(routed.some(({ hasBias }) => hasBias) ? [] : [/proj_bias/]),
  ]
}

describeWithTestdata('without a feature', () => {
  test.each(CASES)('%s: %s', async (name, _, without, difference) => {
    const model = await huggingFaceReference(name)
    const { source } = model
    const config = without(source.config)
    // Tensors that the configuration has no place for would be refused.
    const tensors = [...source.checkpoint.tensors].filter(([tensor]) => !unwanted(config).some(pattern => pattern.test(tensor)))
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
