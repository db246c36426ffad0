import { Rng } from '../src/core/index.ts'
import { type Checkpoint, quantize, type StoredTensor } from '../src/formats/index.ts'
import { type Seq2SeqSource, seq2seqFromHuggingFace } from '../src/llm/seq2seq/index.ts'
import { sourceProgram } from '../src/llm/seq2seq/source-program.ts'
import { targetProgram } from '../src/llm/seq2seq/target-program.ts'
import { tensorLocator } from '../src/llm/tensor-names.ts'
import { buffersOf, sourceShape, sourceTensors } from '../src/program/index.ts'

export const TINY_T5 = {
  model_type: 't5',
  d_model: 16,
  d_kv: 8,
  d_ff: 24,
  num_layers: 1,
  num_heads: 2,
  vocab_size: 40,
  relative_attention_num_buckets: 8,
  relative_attention_max_distance: 12,
  decoder_start_token_id: 0,
  eos_token_id: 1,
}

/** A small encoder–decoder with random weights, as its files would describe it. */
export function tinySeq2Seq(config: Readonly<Record<string, unknown>> = TINY_T5): Seq2SeqSource {
  const tensors = new Map<string, StoredTensor>()
  const checkpoint: Checkpoint = { format: 'safetensors', tensors, files: [], close: async () => {} }
  const source = seq2seqFromHuggingFace(config, checkpoint, 'tiny')
  const everything = { has: () => true }
  const rng = new Rng(7)
  const programs = [
    sourceProgram(
      source.config,
      tensorLocator(source.names.encoder, everything, () => 0),
      {},
    ),
    targetProgram(
      source.config,
      tensorLocator(source.names.decoder, everything, () => 0),
      { kvType: 'f32' },
    ),
  ]
  for (const buffer of programs.flatMap(program => buffersOf(program, 'weight'))) {
    const shape = sourceShape(buffer.source!, buffer.shape, buffer.source!.rows?.[1] ?? 0)
    const count = shape.reduce((a, b) => a * b, 1)
    const isNorm = shape.length === 1
    const bytes = quantize(
      'f32',
      Float32Array.from({ length: count }, () => (isNorm ? 1 : 0) + 0.5 * rng.normal()),
    )
    for (const name of sourceTensors(buffer.source!))
      tensors.set(name, {
        name,
        type: 'f32',
        shape,
        byteLength: bytes.byteLength,
        read: async (offset = 0, length = bytes.byteLength - offset) => bytes.slice(offset, offset + length),
      })
  }
  return source
}
