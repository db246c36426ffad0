import { describe, expect, it } from 'vitest'
import { TINY_T5, tinySeq2Seq } from '../../../test/tiny-seq2seq.ts'
import { readGenerationSettings } from './generation-settings.ts'
import { bucketOf } from './relative-bias.ts'
import { seq2seqFromHuggingFace, writeSeq2Seq } from './seq2seq-source.ts'

const TINY_BART = {
  model_type: 'bart',
  d_model: 16,
  vocab_size: 30,
  max_position_embeddings: 20,
  encoder_layers: 1,
  encoder_attention_heads: 2,
  encoder_ffn_dim: 24,
  decoder_layers: 1,
  decoder_attention_heads: 4,
  decoder_ffn_dim: 20,
}

function codeOf(act: () => unknown): unknown {
  try {
    act()
    return 'none'
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

describe('configurations', () => {
  it('that fit their tensors are taken', () => {
    expect(writeSeq2Seq(tinySeq2Seq(), { kvType: 'f32' }).decoder.name).toBe('t5 decoder')
    expect(writeSeq2Seq(tinySeq2Seq(TINY_BART), { kvType: 'f16' }).encoder.name).toBe('bart encoder')
  })

  it.each([
    [{ ...TINY_T5, feed_forward_proj: 'gated-nothing' }],
    [{ ...TINY_T5, d_kv: 0 }],
    [{ ...TINY_T5, num_layers: -1 }],
    [{ ...TINY_T5, vocab_size: 1e12 }],
    [{ ...TINY_T5, relative_attention_max_distance: 3 }],
    [{ ...TINY_BART, encoder_attention_heads: 3 }],
    [{ ...TINY_BART, activation_function: 'mystery' }],
    [{ ...TINY_BART, model_type: 'marian', share_encoder_decoder_embeddings: false }],
    [{ ...TINY_BART, model_type: 'whisper', num_mel_bins: 0 }],
  ])('%# contradict themselves', config => {
    expect(codeOf(() => tinySeq2Seq(config))).toBe('CONFIG_INVALID')
  })

  it('that contradict their tensors are told so by name', () => {
    const { checkpoint } = tinySeq2Seq()
    const with_ = (change: object) => () =>
      writeSeq2Seq(seq2seqFromHuggingFace({ ...TINY_T5, ...change }, checkpoint, 'tiny'), { kvType: 'f32' })
    expect(codeOf(with_({}))).toBe('none')
    expect(with_({ d_ff: 25 })).toThrow(/DenseReluDense/)
    expect(codeOf(with_({ num_layers: 2 }))).toBe('TENSOR_MISSING')
    expect(codeOf(with_({ feed_forward_proj: 'gated-gelu' }))).toBe('TENSOR_MISSING')
    expect(codeOf(with_({ tie_word_embeddings: false }))).toBe('TENSOR_MISSING')
    expect(codeOf(with_({ vocab_size: 41 }))).toBe('TENSOR_MISMATCH')
    expect(codeOf(with_({ num_heads: 4 }))).toBe('TENSOR_MISMATCH')
    expect(codeOf(with_({ model_type: 'prophetnet' }))).toBe('ARCHITECTURE_UNKNOWN')
  })
})

describe('generation settings', () => {
  it('come from either file', () => {
    const old = readGenerationSettings({ ...TINY_T5, num_beams: 3, max_length: 9 }, undefined, 40, 'x')
    expect(old).toMatchObject({ start: 0, beams: 3, mostTokens: 9, earlyStopping: false })
    // A generation_config.json stands for all of it.
    expect(readGenerationSettings({ ...TINY_T5, num_beams: 3 }, { max_new_tokens: 4 }, 40, 'x')).toMatchObject({
      beams: 1,
      maxNewTokens: 4,
    })
  })

  it.each([
    [{ num_beams: 0 }],
    [{ early_stopping: 'soon' }],
    [{ forced_bos_token_id: 40 }],
    [{ bad_words_ids: [[]] }],
    [{ bad_words_ids: [[99]] }],
    [{ suppress_tokens: 'all' }],
    [{ max_length: -1 }],
    [{ forced_decoder_ids: 5 }],
  ])('%# are refused', generation => {
    expect(codeOf(() => readGenerationSettings(TINY_T5, generation, 40, 'x'))).toBe('CONFIG_INVALID')
  })

  it('need a token to begin with', () => {
    expect(codeOf(() => readGenerationSettings({}, {}, 40, 'x'))).toBe('CONFIG_INVALID')
  })
})

describe('bucketOf', () => {
  // Known answers of transformers' T5Attention._relative_position_bucket with 32 buckets up to a distance of 128.
  it('gives the buckets of the reference', () => {
    const config = { buckets: 32, maxDistance: 128 }
    const of = (isBidirectional: boolean) =>
      [-200, -128, -64, -32, -20, -8, -7, -1, 0, 1, 7, 8, 20, 200].map(d => bucketOf(d, config, isBidirectional))
    expect(of(true)).toEqual([15, 15, 14, 12, 10, 8, 7, 1, 0, 17, 23, 24, 26, 31])
    expect(of(false)).toEqual([31, 31, 26, 21, 17, 8, 7, 1, 0, 0, 0, 0, 0, 0])
  })
})
