import type { Backend, Precision } from '../../../src/backends/index.ts'
import { openLlama2c } from '../../../src/formats/index.ts'
import { decoderFromLlama2c, isExperts, type KvType } from '../../../src/llm/index.ts'
import { testdata } from '../../testdata.ts'
import { type Pace, perplexityOf } from './perplexity.ts'
import { compileReference, copyOf, huggingFaceReference, scatteredBlocks, smallestCosine, wholePrompt } from './reference-model.ts'

/** Largest part by which the perplexity of stories260K grows over that with keys and values of 32 bits. */
export const LARGEST_KV_GROWTH: Readonly<Record<Exclude<KvType, 'f32'>, number>> = { f16: 0.001, bf16: 0.002, i8: 0.005 }

/**
 * Random decoders of `refs/` whose layers, or some of them, have keys and values, and the smallest cosine that a row of their
 * logits may have with `i8`. Where two experts are nearly as good for a token, a small error sends it to the other one.
 */
export const SMALLEST_I8_COSINE: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    ['gemma2', 'gemma3', 'gpt2', 'gpt_neox', 'lfm2', 'llama', 'mistral', 'olmo2', 'phi3', 'qwen2', 'qwen3', 'smollm3'].map(name => [
      name,
      0.999,
    ]),
  ),
  ...Object.fromEntries(['gpt_oss', 'mixtral', 'qwen3_moe'].map(name => [name, 0.99])),
}

/** Perplexity of stories260K with keys and values held as `kvType`. */
export async function storiesPerplexity(kvType: KvType, backend: Backend, precision: Precision, pace: Pace): Promise<number> {
  const file = await openLlama2c(testdata('llm', 'stories260K', 'stories260K.bin'))
  try {
    return await perplexityOf(decoderFromLlama2c(file, 'stories260K'), backend, precision, pace, kvType)
  } finally {
    await file.close()
  }
}

/** Smallest cosine of a row of logits to what transformers computes in f32; of models with experts a twentieth of the rows is left out. */
export async function kvCosine(folder: string, kvType: KvType, backend: Backend): Promise<number> {
  const model = await huggingFaceReference(folder)
  const decoder = await compileReference(model, backend, 'exact', kvType)
  const { context, vocabulary, layers } = model.source.config
  const routed = layers.some(({ mlp }) => isExperts(mlp))
  let smallest = 1
  for (const [i, { ids }] of model.prompts.entries()) {
    const rows = copyOf(await decoder.run([wholePrompt(ids, scatteredBlocks(context, 1, 0))]), 'logits')
    const dropped = routed ? Math.floor(ids.length / 20) : 0
    smallest = Math.min(smallest, smallestCosine(rows, (await model.numbers(i, 'logits'))!, vocabulary, dropped))
  }
  decoder.dispose()
  await model.close()
  return smallest
}
