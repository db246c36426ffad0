import { readFileSync } from 'node:fs'
import type { Backend, Precision } from '../../../src/backends/index.ts'
import { type Checkpoint, openHuggingFaceFolder, openSafetensors, readFloat32 } from '../../../src/formats/index.ts'
import { type KvType, kvTypeOf } from '../../../src/llm/index.ts'
import {
  Seq2Seq,
  type Seq2SeqLimits,
  type Seq2SeqSource,
  type SourceInput,
  type SourcePlace,
  seq2seqFromHuggingFace,
  writeSeq2Seq,
} from '../../../src/llm/seq2seq/index.ts'
import { testdata } from '../../testdata.ts'

/** One source with what transformers makes of it. */
export interface ReferencePrompt {
  readonly source: SourceInput
  /** What the decoder read when hidden states and logits were taken. */
  readonly target: readonly number[]
  readonly prefix: readonly number[]
  readonly greedy: readonly number[]
  readonly beams: { readonly sequences: readonly (readonly number[])[]; readonly scores: readonly number[] }
}

/** An encoder–decoder of `refs/` with its answers. */
export interface Seq2SeqReference {
  readonly source: Seq2SeqSource
  readonly prompts: readonly ReferencePrompt[]
  /** `encoder_last_hidden`, `decoder_hidden_embed`, `decoder_hidden_layer0`, `decoder_hidden_final`, `decoder_logits`. */
  numbers(prompt: number, what: string): Promise<Float32Array>
  close(): Promise<void>
}

interface StoredPrompt {
  readonly input_ids?: number[]
  readonly decoder_start: number[]
  readonly greedy_ids: number[]
  readonly beam4: ReferencePrompt['beams']
}

/** A folder of `refs/`. */
export async function seq2seqReference(name: string): Promise<Seq2SeqReference> {
  const { config, checkpoint } = await openHuggingFaceFolder(testdata('refs', name))
  const answers = await openSafetensors(testdata('refs', name, 'reference.safetensors'))
  const { prompts } = JSON.parse(readFileSync(testdata('refs', name, 'reference.json'), 'utf8')) as { prompts: StoredPrompt[] }
  return {
    source: seq2seqFromHuggingFace(config, checkpoint, name),
    prompts: await Promise.all(
      prompts.map(async ({ input_ids: ids, decoder_start: prefix, greedy_ids: greedy, beam4: beams }, i) => ({
        source: ids ?? (await framesFirst(answers, i)),
        target: await integers(answers, `prompt${i}.decoder_input_ids`),
        prefix,
        greedy,
        beams,
      })),
    ),
    numbers: (prompt, what) => readFloat32(answers.tensors.get(`prompt${prompt}.${what}`)!),
    async close() {
      await Promise.all([answers.close(), checkpoint.close()])
    },
  }
}

async function integers({ tensors }: Checkpoint, name: string): Promise<number[]> {
  const bytes = await tensors.get(name)!.read()
  return Array.from(new BigInt64Array(bytes.slice().buffer), Number)
}

/** Features of a reference, which has bands first. */
async function framesFirst({ tensors }: Checkpoint, prompt: number): Promise<Float32Array> {
  const tensor = tensors.get(`prompt${prompt}.input_features`)!
  const [mels, frames] = tensor.shape as [number, number]
  const stored = await readFloat32(tensor)
  return stored.map((_, at) => stored[(at % mels) * frames + Math.floor(at / mels)]!)
}

/** Limits with room for all prompts of a reference, four beams each. */
export const REFERENCE_LIMITS: Seq2SeqLimits = {
  sources: 4,
  sourceTokens: 512,
  sourceContext: 256,
  tokens: 256,
  sequences: 16,
  rows: 256,
  targetContext: 96,
  blocks: 160,
}

/** Compiles both programs with all taps. */
export function compileSeq2SeqReference(
  { source }: Seq2SeqReference,
  backend: Backend,
  precision: Precision = 'exact',
  kvType: KvType = kvTypeOf(precision),
): Promise<Seq2Seq> {
  const programs = writeSeq2Seq(source, { kvType, hasTaps: true })
  return Seq2Seq.compile(source, programs, { backend, precision, limits: REFERENCE_LIMITS })
}

/** Blocks `[first, first + count)`, backwards. */
export function scattered(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + count - 1 - i)
}

/** A source in place, not yet written. */
export function placeSource(model: Seq2Seq, input: SourceInput, memory: Float32Array, firstBlock: number): SourcePlace {
  const length = model.tokensOf(input)
  return { memory, length, blocks: scattered(firstBlock, Math.ceil(length / 16)) }
}
