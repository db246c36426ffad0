import { readFileSync } from 'node:fs'
import type { Backend, Precision } from '../../../src/backends/index.ts'
import type { Tensor } from '../../../src/core/index.ts'
import { type Checkpoint, openGguf, openHuggingFaceFolder, openSafetensors, readFloat32 } from '../../../src/formats/index.ts'
import type { BatchSlice, KvType } from '../../../src/llm/index.ts'
import {
  Decoder,
  type DecoderSource,
  decoderFromGguf,
  decoderFromHuggingFace,
  kvTypeOf,
  stepLimits,
  writeDecoder,
} from '../../../src/llm/index.ts'
import { testdata } from '../../testdata.ts'

/** A checkpoint with answers that another implementation gave. */
export interface ReferenceModel {
  readonly source: DecoderSource
  readonly prompts: readonly { readonly ids: readonly number[]; readonly greedy: readonly number[] }[]
  /** Reference numbers, row-major: `logits`, `hidden_embed`, `hidden_layer0`, `hidden_final_norm`; undefined where there are none. */
  numbers(prompt: number, what: string): Promise<Float32Array | undefined>
  close(): Promise<void>
}

/** A folder of `refs/` in Hugging Face layout. */
export async function huggingFaceReference(name: string): Promise<ReferenceModel> {
  const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', name))
  return reference(decoderFromHuggingFace(config, checkpoint, name), testdata('refs', name, 'reference'))
}

/** A file of `refs/gguf/`; F32 files have the answers of the checkpoint they come from. */
export async function ggufReference(folder: string, file: string): Promise<ReferenceModel> {
  const path = testdata('refs', 'gguf', folder, file)
  const answers = file.endsWith('-f32.gguf') ? testdata('refs', folder, 'reference') : `${path}.reference`
  return reference(await decoderFromGguf(await openGguf(path), file), answers)
}

async function reference(source: DecoderSource, answers: string): Promise<ReferenceModel> {
  const { prompts } = JSON.parse(readFileSync(`${answers}.json`, 'utf8')) as { prompts: { input_ids: number[]; greedy_ids: number[] }[] }
  const tensors: Checkpoint = await openSafetensors(`${answers}.safetensors`)
  return {
    source,
    prompts: prompts.map(({ input_ids: ids, greedy_ids: greedy }) => ({ ids, greedy })),
    async numbers(prompt, what) {
      const tensor = tensors.tensors.get(`prompt${prompt}.${what}`)
      return tensor && readFloat32(tensor)
    },
    async close() {
      await Promise.all([tensors.close(), source.checkpoint.close()])
    },
  }
}

/** Compiles a reference model with all taps and room for all its prompts at once. */
export async function compileReference(
  { source }: Pick<ReferenceModel, 'source'>,
  backend: Backend,
  precision: Precision = 'exact',
  kvType: KvType = kvTypeOf(precision),
): Promise<Decoder> {
  const program = writeDecoder(source, { kvType, hasTaps: true })
  const { context } = source.config
  return Decoder.compile(source, program, { backend, precision, limits: stepLimits(source.config, context, 4 * context) })
}

/** Block tables of sequences of a context each, scattered over the pool: neighbours of a sequence belong to others. */
export function scatteredBlocks(context: number, sequences: number, sequence: number): number[] {
  const count = Math.ceil(context / 16)
  return Array.from({ length: count }, (_, i) => ((i * 5 + 3) % count) * sequences + sequence)
}

/** All tokens of one prompt, with logits for each. */
export function wholePrompt(tokens: readonly number[], blocks: readonly number[], stateSlot = 0): BatchSlice {
  return { tokens, start: 0, count: tokens.length, rowCount: tokens.length, blocks, stateSlot }
}

/** Copies an output of a run. */
export function copyOf(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  return (outputs[name]!.data as Float32Array).slice()
}

/** Largest distance of two arrays; infinite where their lengths differ. */
export function largestDifference(actual: Float32Array, expected: Float32Array): number {
  let worst = actual.length === expected.length ? 0 : Infinity
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!)
    // NaN counts as the largest difference there is.
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference
  }
  return worst
}

/** Smallest cosine of corresponding rows, the lowest `dropped` of them left out. */
export function smallestCosine(actual: Float32Array, expected: Float32Array, width: number, dropped = 0): number {
  const cosines: number[] = []
  for (let start = 0; start < expected.length; start += width) {
    let [dot, a, b] = [0, 0, 0]
    for (let i = start; i < start + width; i++) {
      dot += actual[i]! * expected[i]!
      a += actual[i]! ** 2
      b += expected[i]! ** 2
    }
    cosines.push(dot / Math.sqrt(a * b))
  }
  return cosines.sort((a, b) => a - b)[dropped]!
}
