/**
 * Small random models against what transformers computes: logits, hidden states and greedy tokens, on every backend, for
 * sequences alone, side by side, in chunks, and one token at a time.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../../src/backends/index.ts'
import { argmax, type Decoder, isExperts } from '../../../src/llm/index.ts'
import { availableBackends, type TestBackend } from '../../backends.ts'
import { describeWithTestdata } from '../../testdata.ts'
import {
  compileReference,
  copyOf,
  ggufReference,
  huggingFaceReference,
  largestDifference,
  type ReferenceModel,
  scatteredBlocks,
  smallestCosine,
  wholePrompt,
} from './reference-model.ts'

interface Case {
  readonly name: string
  /** Largest difference from the reference: f32 against f32, or against logits of dequantised weights. */
  readonly tolerance: number
  open(): Promise<ReferenceModel>
}

const FOLDERS = [
  ...['gemma2', 'gemma3', 'gpt2', 'gpt_neox', 'llama', 'llama-rope3', 'mistral'],
  ...['olmo2', 'phi3', 'phi3-longrope', 'qwen2', 'qwen3', 'smollm3'],
  ...['gpt_oss', 'lfm2', 'mamba', 'mixtral', 'qwen3_moe'],
]

const CASES: readonly Case[] = [
  ...FOLDERS.map(name => ({ name, tolerance: 2e-4, open: () => huggingFaceReference(name) })),
  ...['llama', 'qwen2', 'gpt2', 'gemma2'].flatMap(family =>
    ['f32', 'f16', 'q8_0', 'q4_0'].map(type => {
      const file = `${family}-${type}.gguf`
      // Adding and subtracting 1 rounds the f16 file's norms once more.
      return { name: file, tolerance: file === 'gemma2-f16.gguf' ? 2e-3 : 5e-4, open: () => ggufReference(family, file) }
    }),
  ),
  { name: 'llama-kquant-q4_k_m.gguf', tolerance: 5e-4, open: () => ggufReference('llama-kquant', 'llama-kquant-q4_k_m.gguf') },
]

/** Slots of states in another order than sequences. */
const slotOf = (sequence: number): number => (5 * sequence + 2) % 7

/** Hidden states the references have, and the taps that show them. */
const TAPS = { logits: 'logits', hidden_embed: 'embeddings', hidden_layer0: 'layer0', hidden_final_norm: 'final_norm' }

/** The states of mamba were noted after each layer instead of before: its last one's norm is the final one. */
const LATER_TAPS = { ...TAPS, hidden_embed: 'layer0', hidden_layer0: 'layer1' }

describeWithTestdata('references', () => {
  for (const backend of availableBackends()) describe.each(CASES)(`${backend.name}: $name`, one => describeModel(one, backend))
})

function describeModel({ tolerance, open }: Case, target: TestBackend): void {
  let model: ReferenceModel
  let backend: Backend
  let decoder: Decoder
  let blocksOf: (sequence: number) => number[]

  beforeAll(async () => {
    model = await open()
    backend = target.open()
    decoder = await compileReference(model, backend)
    blocksOf = sequence => scatteredBlocks(model.source.config.context, 4, sequence)
  })

  afterAll(async () => {
    decoder?.dispose()
    backend?.dispose()
    await model?.close()
  })

  test('runs without host instructions', () => {
    expect(decoder.executable.kernelShare).toBe(target.isNative ? 1 : 0)
  })

  test('logits and hidden states', async () => {
    for (const [i, { ids }] of model.prompts.entries()) {
      const outputs = await decoder.run([wholePrompt(ids, blocksOf(i))])
      for (const [what, tap] of Object.entries(model.source.config.architecture === 'mamba' ? LATER_TAPS : TAPS)) {
        const expected = await model.numbers(i, what)
        if (expected) expect(largestDifference(copyOf(outputs, tap), expected), `prompt ${i} ${what}`).toBeLessThan(tolerance)
      }
    }
  })

  test('all prompts in one step', async () => {
    const outputs = await decoder.run(model.prompts.map(({ ids }, i) => wholePrompt(ids, blocksOf(i), slotOf(i))))
    const rows = copyOf(outputs, 'logits')
    let start = 0
    for (const [i, { ids }] of model.prompts.entries()) {
      const expected = await model.numbers(i, 'logits')
      const end = start + ids.length * model.source.config.vocabulary
      expect(largestDifference(rows.subarray(start, end), expected!), `prompt ${i}`).toBeLessThan(tolerance)
      start = end
    }
  })

  test('in chunks of odd sizes, beside each other', async () => {
    const { vocabulary } = model.source.config
    const done = model.prompts.map(() => 0)
    for (let step = 0; done.some((count, i) => count < model.prompts[i]!.ids.length); step++) {
      const slices = model.prompts.flatMap(({ ids: tokens }, i) => {
        const count = Math.min([7, 1, 17][(step + i) % 3]!, tokens.length - done[i]!)
        return count > 0 ? [{ tokens, start: done[i]!, count, rowCount: 1, blocks: blocksOf(i), stateSlot: slotOf(i), sequence: i }] : []
      })
      const rows = copyOf(await decoder.run(slices), 'logits')
      for (const [s, { sequence, start, count }] of slices.entries()) {
        const expected = (await model.numbers(sequence, 'logits'))!.subarray((start + count - 1) * vocabulary, (start + count) * vocabulary)
        expect(
          largestDifference(rows.subarray(s * vocabulary, (s + 1) * vocabulary), expected),
          `prompt ${sequence} token ${start + count - 1}`,
        ).toBeLessThan(tolerance)
        done[sequence] = start + count
      }
    }
  })

  test('greedy tokens', async () => {
    const { vocabulary } = model.source.config
    const sequences = model.prompts.map(({ ids, greedy }, i) => ({
      tokens: [...ids],
      start: 0,
      end: ids.length + greedy.length,
      blocks: blocksOf(i),
      stateSlot: slotOf(i),
      greedy,
    }))
    while (sequences.some(({ tokens, end }) => tokens.length < end)) {
      const open = sequences.filter(({ tokens, end }) => tokens.length < end)
      const slices = open.map(({ tokens, start, blocks, stateSlot }) => ({
        tokens,
        start,
        count: tokens.length - start,
        rowCount: 1,
        blocks,
        stateSlot,
      }))
      const rows = copyOf(await decoder.run(slices), 'logits')
      for (const [s, sequence] of open.entries()) {
        sequence.start = sequence.tokens.length
        sequence.tokens.push(argmax(rows.subarray(s * vocabulary, (s + 1) * vocabulary)))
      }
    }
    expect(sequences.map(({ tokens, greedy }) => tokens.slice(tokens.length - greedy.length))).toEqual(
      sequences.map(({ greedy }) => greedy),
    )
  })

  test('fast: rows point the same way', async () => {
    // Where two experts are nearly as good for a token, a small error sends it to the other one.
    const routed = model.source.config.layers.some(({ mlp }) => isExperts(mlp))
    const fast = await compileReference(model, backend, 'fast')
    try {
      for (const [i, { ids }] of model.prompts.entries()) {
        const rows = copyOf(await fast.run([wholePrompt(ids, blocksOf(i))]), 'logits')
        const dropped = routed ? Math.floor(ids.length / 20) : 0
        const cosine = smallestCosine(rows, (await model.numbers(i, 'logits'))!, model.source.config.vocabulary, dropped)
        expect(cosine, `prompt ${i}`).toBeGreaterThan(0.99)
      }
    } finally {
      fast.dispose()
    }
  })
}
