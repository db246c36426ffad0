import type { Backend } from '../../../src/backends/index.ts'
import type { WeightType } from '../../../src/formats/index.ts'
import { type Pace, perplexityOf } from './perplexity.ts'
import { compileReference, copyOf, ggufReference, scatteredBlocks, smallestCosine, wholePrompt } from './reference-model.ts'
import { widenedStories } from './widened-stories.ts'

/**
 * Largest growth of stories260K's perplexity for each type of its matrices, over that with F32. The quantiser is the plain
 * one of this repository, which does not search for scales: files made with more care lose less in few bits.
 */
export const LARGEST_GROWTH: Readonly<Record<Exclude<WeightType, 'f32'>, number>> = {
  f16: 0.002,
  bf16: 0.002,
  q8_0: 0.003,
  q6_k: 0.01,
  q5_1: 0.02,
  q5_k: 0.025,
  q5_0: 0.035,
  q4_1: 0.08,
  q4_k: 0.1,
  iq4_nl: 0.1,
  iq4_xs: 0.11,
  q4_0: 0.14,
  mxfp4: 0.25,
  q3_k: 0.5,
  q2_k: 25,
}

/** Largest part by which `fast` changes the perplexity that the same file has in `exact`. */
export const LARGEST_FAST_CHANGE = 0.02

/** Every quantised file of `refs/gguf`. */
export const QUANTISED_FILES: readonly (readonly [folder: string, file: string])[] = [
  ...['llama', 'qwen2', 'gpt2', 'gemma2'].flatMap(family => ['q8_0', 'q4_0'].map(type => [family, `${family}-${type}.gguf`] as const)),
  ['llama-kquant', 'llama-kquant-q4_k_m.gguf'],
]

/** Perplexities of stories260K with matrices of one type: in `exact`, and in `fast` at either pace. */
export async function perplexities(type: WeightType, backend: Backend): Promise<{ exact: number; fast: Readonly<Record<Pace, number>> }> {
  const source = await widenedStories(type)
  return {
    exact: await perplexityOf(source, backend, 'exact', 'at once'),
    fast: {
      'at once': await perplexityOf(source, backend, 'fast', 'at once'),
      'few by few': await perplexityOf(source, backend, 'fast', 'few by few'),
    },
  }
}

/** Smallest cosine of a row of logits in `fast` to the row that the dequantised weights give. */
export async function fastCosine(folder: string, file: string, backend: Backend): Promise<number> {
  const model = await ggufReference(folder, file)
  const decoder = await compileReference(model, backend, 'fast')
  let smallest = 1
  for (const [i, { ids }] of model.prompts.entries()) {
    const rows = copyOf(await decoder.run([wholePrompt(ids, scatteredBlocks(model.source.config.context, 1, 0))]), 'logits')
    smallest = Math.min(smallest, smallestCosine(rows, (await model.numbers(i, 'logits'))!, model.source.config.vocabulary))
  }
  decoder.dispose()
  await model.close()
  return smallest
}
