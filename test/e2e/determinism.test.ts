import { describe, expect, test } from 'vitest'
import { findAddon, targets } from '../../src/backends/index.ts'
import { type GenerateOptions, type GenerationResult, type LanguageModel, Rng } from '../../src/core/index.ts'
import { type LoadOptions, load } from '../../src/tasks/index.ts'
import { tinyModelFolder } from '../tiny-model.ts'

const SEEDED: GenerateOptions = { temperature: 1.3, topK: 0, topP: 0.98, minP: 0, seed: 11, ignoreEos: true, logprobs: 3 }

/** What must be the same: not only the tokens but every bit of what is told of them. */
function told({ text, tokens, logprobs }: GenerationResult): unknown {
  return { text, tokens, logprobs }
}

function prompt(rng: Rng, length: number): number[] {
  return Array.from({ length }, () => rng.below(256))
}

/** A seeded answer alone, and the same one again and again among seven others of random lengths. */
async function expectSameInCompany(model: LanguageModel): Promise<void> {
  const rng = new Rng(5)
  for (const length of [3, 40]) {
    const own = prompt(rng, length)
    const options = { ...SEEDED, maxTokens: 24 }
    const alone = told(await model.generate(own, options).done())
    for (let round = 0; round < 2; round++) {
      const others = Array.from({ length: 7 }, () => {
        const more = { seed: rng.below(1_000), temperature: 2, maxTokens: 1 + rng.below(40), cacheSalt: `${rng.below(4)}` }
        return model.generate(prompt(rng, 1 + rng.below(90)), more).done()
      })
      // Its prompt is computed again beside the others, not taken from before.
      const among = await model.generate(own, { ...options, cacheSalt: `round ${round}` }).done()
      expect(told(among)).toEqual(alone)
      await Promise.all(others)
    }
    // And once with what was computed before.
    expect(told(await model.generate(own, options).done())).toEqual(alone)
  }
}

/** Widths that fill the tiles of kernels. */
const WIDE = { hidden_size: 128, intermediate_size: 320, num_attention_heads: 4, num_key_value_heads: 2, max_position_embeddings: 256 }

function wideShapes(): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = { 'model.embed_tokens.weight': [258, 128], 'model.norm.weight': [128] }
  for (const layer of [0, 1]) {
    const name = (part: string): string => `model.layers.${layer}.${part}.weight`
    for (const part of ['input_layernorm', 'post_attention_layernorm']) shapes[name(part)] = [128]
    for (const part of ['q_proj', 'o_proj']) shapes[name(`self_attn.${part}`)] = [128, 128]
    for (const part of ['k_proj', 'v_proj']) shapes[name(`self_attn.${part}`)] = [64, 128]
    for (const part of ['gate_proj', 'up_proj']) shapes[name(`mlp.${part}`)] = [320, 128]
    shapes[name('mlp.down_proj')] = [128, 320]
  }
  return shapes
}

async function check(options: LoadOptions, isWide = true): Promise<void> {
  const config = { ...(isWide ? WIDE : {}), max_position_embeddings: 256 }
  const folder = await tinyModelFolder({ config, ...(isWide ? { shapes: wideShapes() } : {}) })
  await using model = (await load(folder.path, { ...options, kind: 'language' })) as LanguageModel
  folder.remove()
  await expectSameInCompany(model)
}

describe('the same seed gives the same text, bit for bit, whatever else is in the batch', () => {
  const all = findAddon().addon ? targets() : []

  test('on the reference backend', () => check({ backend: 'reference' }, false))

  test.each(all)('exactly, on native %s', target => check({ backend: 'native', target, threads: 2, precision: 'exact' }))

  // Matmuls of many rows take the matrix unit there, which rounds otherwise than the vector unit that takes few.
  test.each(all.filter(target => target !== 'amx'))('fast, on native %s', target =>
    check({ backend: 'native', target, threads: 2, precision: 'fast' }),
  )
})
