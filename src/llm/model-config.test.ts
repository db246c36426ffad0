import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TINY_CONFIG } from '../../test/tiny-model.ts'
import { isHenceError } from '../core/index.ts'
import type { Checkpoint, GgufFile, GgufValue, StoredTensor } from '../formats/index.ts'
import { ARCHITECTURES } from './architectures/index.ts'
import { writeDecoder } from './decoder.ts'
import { isExperts } from './decoder-config.ts'
import { decoderFromGguf, decoderFromHuggingFace } from './model-config.ts'
import { ropeFrequencies } from './rope-frequencies.ts'

function checkpoint(shapes: Readonly<Record<string, readonly number[]>> = {}): Checkpoint {
  const tensors = Object.entries(shapes).map(([name, shape]): [string, StoredTensor] => [
    name,
    { name, type: 'f32', shape, byteLength: 4 * shape.reduce((product, size) => product * size, 1), read: async () => new Uint8Array(0) },
  ])
  return { format: 'safetensors', tensors: new Map(tensors), files: [], close: async () => {} }
}

/** Experts as mixtral spells them. */
const MOE = { model_type: 'mixtral', num_local_experts: 4, num_experts_per_tok: 2 }

function fromHuggingFace(config: Readonly<Record<string, unknown>>): ReturnType<typeof decoderFromHuggingFace> {
  return decoderFromHuggingFace({ ...TINY_CONFIG, ...config }, checkpoint(), 'config.json')
}

function ggufFile(metadata: Readonly<Record<string, GgufValue>>, shapes: Readonly<Record<string, readonly number[]>> = {}): GgufFile {
  return {
    ...checkpoint(shapes),
    format: 'gguf',
    version: 3,
    metadata: new Map(Object.entries(metadata)),
    alignment: 32,
    unsupported: new Map(),
  }
}

const TINY_GGUF = {
  'general.architecture': 'llama',
  'llama.embedding_length': 16,
  'llama.block_count': 2,
  'llama.attention.head_count': 4,
  'llama.attention.head_count_kv': 2,
  'llama.feed_forward_length': 24,
  'llama.context_length': 96,
  'llama.attention.layer_norm_rms_epsilon': 1e-5,
  'llama.vocab_size': 258,
} as const

/** {@link TINY_GGUF} without the prefix of its family. */
function ggufNames(): Record<string, GgufValue> {
  return Object.fromEntries(
    Object.entries(TINY_GGUF).flatMap(([key, value]) => (key.startsWith('llama.') ? [[key.slice('llama.'.length), value]] : [])),
  )
}

describe('Hugging Face configurations', () => {
  test('a plain llama', () => {
    const { config } = fromHuggingFace({})
    expect(config).toMatchObject({ architecture: 'llama', vocabulary: 258, hidden: 16, context: 96, hasTiedHead: true })
    expect(config.layers).toHaveLength(2)
    expect(config.layers[0]).toEqual({
      mixer: {
        kind: 'attention',
        ...{ heads: 4, kvHeads: 2, headDim: 4, scale: 0.5, window: null, softcap: null, rope: 0, queryKeyNorm: null },
        hasQkvBias: false,
        hasOutputBias: false,
        hasSinks: false,
      },
      mlp: { width: 24, activation: 'silu', isGated: true, hasBias: false },
      norms: { mixer: true, mixerOutput: false, mlp: true, mlpOutput: false },
      isParallel: false,
    })
    expect(config.ropes).toEqual([{ style: 'half', frequencies: ropeFrequencies(4, 10_000), scale: 1, long: null }])
  })

  test('windows: mistral in every layer, 4,096 when it says nothing; qwen2 from a layer on, when it wants any', () => {
    const windows = (config: Readonly<Record<string, unknown>>): unknown[] =>
      fromHuggingFace(config).config.layers.map(layer => layer.mixer.kind === 'attention' && layer.mixer.window)
    expect(windows({ model_type: 'mistral', sliding_window: 8 })).toEqual([8, 8])
    expect(windows({ model_type: 'mistral', sliding_window: null })).toEqual([null, null])
    expect(windows({ model_type: 'mistral' })).toEqual([4_096, 4_096])
    expect(windows({ model_type: 'qwen2', sliding_window: 8 })).toEqual([null, null])
    expect(windows({ model_type: 'qwen2', sliding_window: 8, use_sliding_window: true, max_window_layers: 1 })).toEqual([null, 8])
    const types = ['sliding_attention', 'full_attention']
    expect(windows({ model_type: 'qwen2', sliding_window: 8, use_sliding_window: true, layer_types: types })).toEqual([8, null])
  })

  test('experts: in every layer of mixtral, in those of qwen3-moe that are not left out', () => {
    const experts = (config: Readonly<Record<string, unknown>>): unknown[] =>
      fromHuggingFace(config).config.layers.map(({ mlp }) =>
        isExperts(mlp) ? [mlp.count, mlp.perToken, mlp.width, mlp.isNormalized] : null,
      )
    expect(experts(MOE)).toEqual([
      [4, 2, 24, true],
      [4, 2, 24, true],
    ])
    const qwen3 = { model_type: 'qwen3_moe', num_experts: 8, num_experts_per_tok: 3, moe_intermediate_size: 12, num_hidden_layers: 4 }
    expect(experts(qwen3)).toEqual(new Array(4).fill([8, 3, 12, false]))
    const some = { ...qwen3, norm_topk_prob: true, decoder_sparse_step: 2, mlp_only_layers: [3] }
    expect(experts(some)).toEqual([null, [8, 3, 12, true], null, null])
  })

  test('a width of LFM2 is two thirds of what it says, in whole multiples', () => {
    const width = (config: Readonly<Record<string, unknown>>): unknown =>
      fromHuggingFace({ model_type: 'lfm2', norm_eps: 1e-5, intermediate_size: 12_288, ...config }).config.layers[0]!.mlp?.width
    expect([width({}), width({ block_multiple_of: 1_000 }), width({ block_auto_adjust_ff_dim: false })]).toEqual([8_192, 9_000, 12_288])
    expect(width({ block_ff_dim: 6_656, block_ffn_dim_multiplier: 1.5 })).toBe(6_656)
  })

  test('a linear rope stretches positions', () => {
    const { config } = fromHuggingFace({ rope_scaling: { rope_type: 'linear', factor: 4 } })
    expect(config.ropes[0]).toMatchObject({ frequencies: ropeFrequencies(4, 10_000).map(f => f / 4) })
  })

  test.each([
    ['no heads', { num_attention_heads: 0 }, /num_attention_heads is 0/],
    ['negative width', { hidden_size: -16 }, /hidden_size is -16/],
    ['broken width', { hidden_size: 16.5 }, /whole number/],
    ['a width that heads cannot share', { hidden_size: 18 }, /18 cannot be shared evenly by 4 heads/],
    ['key heads that heads cannot share', { num_key_value_heads: 3 }, /4 heads cannot share 3/],
    ['odd heads', { head_dim: 5 }, /5 rotary numbers/],
    ['a trillion layers', { num_hidden_layers: 1e12 }, /num_hidden_layers is 1000000000000/],
    ['text for a number', { num_hidden_layers: '2' }, /must be a number/],
    ['a huge vocabulary', { vocab_size: 2 ** 31 }, /vocab_size/],
    ['an unknown activation', { hidden_act: 'xielu' }, /known are silu/],
    ['an unknown rope', { rope_scaling: { rope_type: 'spiral' } }, /known are default, linear, llama3, yarn, longrope/],
    ['a rope that is no object', { rope_scaling: 7 }, /must be an object/],
    [
      'a rope without numbers',
      { rope_theta: 1, rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 1_000 } },
      /no numbers/,
    ],
    ['too few kinds of layers', { model_type: 'gemma2', layer_types: ['full_attention'] }, /none for layer 1/],
    ['another kind of layer', { model_type: 'gemma2', layer_types: ['mamba', 'mamba'] }, /names "mamba"; known are/],
    ['layers without a list', { model_type: 'smollm3', no_rope_layers: 'none' }, /must be a list/],
    ['too few of them', { model_type: 'smollm3', no_rope_layers: [1] }, /none for layer 1/],
    ['a cap of nothing', { model_type: 'gemma2', final_logit_softcapping: 0 }, /final_logit_softcapping is 0/],
    ['a text part that is none', { model_type: 'gemma3', text_config: [] }, /text_config/],
    ['nothing to turn', { model_type: 'gpt_neox', rotary_pct: 0.01 }, /0 rotary numbers/],
    ['more experts for a token than there are', { ...MOE, num_experts_per_tok: 5 }, /num_experts_per_tok is 5, there are only 4/],
    ['no experts', { ...MOE, num_local_experts: 0 }, /num_local_experts is 0/],
    ['layers of experts that are no list', { ...MOE, model_type: 'qwen3_moe', num_experts: 4, mlp_only_layers: 1 }, /must be a list/],
    ['a convolution of one tap', { model_type: 'lfm2', norm_eps: 1e-5, conv_L_cache: 1 }, /conv_L_cache is 1, must be a number from 2/],
    ['a layer nobody knows', { model_type: 'lfm2', norm_eps: 1e-5, layer_types: ['conv', 'sliding'] }, /names "sliding"/],
    ['a state of nothing', { model_type: 'mamba', state_size: 0 }, /state_size is 0/],
    ['another activation than the only one', { model_type: 'mamba', hidden_act: 'relu' }, /known are silu/],
    ['a base of nothing', { rope_theta: 0 }, /rope_theta/],
  ])('%s: CONFIG_INVALID', (_, config, message) => {
    expect(() => fromHuggingFace(config)).toThrow(message)
    expect(() => fromHuggingFace(config)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  test('an unknown architecture lists the known ones', () => {
    expect(() => fromHuggingFace({ model_type: 'lama' })).toThrow(
      expect.objectContaining({
        code: 'ARCHITECTURE_UNKNOWN',
        details: expect.objectContaining({ nearest: 'llama', known: Object.keys(ARCHITECTURES) }),
      }),
    )
    expect(() => fromHuggingFace({ model_type: 'constructor' })).toThrow(expect.objectContaining({ code: 'ARCHITECTURE_UNKNOWN' }))
  })

  test('whatever a configuration holds, the answer is a configuration or CONFIG_INVALID', () => {
    const names = [
      ...Object.keys(TINY_CONFIG).filter(name => name !== 'model_type'),
      'head_dim',
      'rope_theta',
      'rope_scaling',
      'sliding_window',
      'layer_types',
      'n_embd',
      'n_head',
      ...['partial_rotary_factor', 'original_max_position_embeddings', 'rope_parameters', 'rope_local_base_freq', 'rotary_pct'],
      ...['query_pre_attn_scalar', 'attn_logit_softcapping', 'sliding_window_pattern', 'no_rope_layers', 'text_config'],
      ...['num_local_experts', 'num_experts', 'num_experts_per_tok', 'moe_intermediate_size', 'mlp_only_layers', 'decoder_sparse_step'],
      ...['state_size', 'conv_kernel', 'time_step_rank', 'expand', 'conv_L_cache', 'block_multiple_of', 'full_attn_idxs', 'norm_eps'],
      ...['hidden_activation', 'use_parallel_residual', 'layer_norm_eps', 'use_sliding_window', 'max_window_layers'],
    ]
    const values = fc.oneof(fc.anything(), fc.integer(), fc.double(), fc.constantFrom(0, -1, 1, 2, 1e12, 2 ** 53, Number.NaN, Infinity))
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(ARCHITECTURES)), fc.dictionary(fc.constantFrom(...names), values), (type, config) => {
        try {
          fromHuggingFace({ ...config, model_type: type })
        } catch (error) {
          expect(isHenceError(error, 'CONFIG_INVALID')).toBe(true)
        }
      }),
    )
  })
})

const GGUF_OPTIONS = [
  ...['rope.freq_base', 'rope.dimension_count', 'rope.scaling.type', 'rope.scaling.factor', 'rope.scaling.attn_factor'],
  ...['expert_count', 'expert_used_count', 'expert_feed_forward_length', 'shortconv.l_cache', 'attention.head_count_kv'],
  ...['ssm.conv_kernel', 'ssm.inner_size', 'ssm.state_size', 'ssm.time_step_rank'],
  ...['rope.scaling.original_context_length', 'attention.sliding_window', 'attention.sliding_window_pattern'],
  ...['attention.layer_norm_epsilon', 'attention.scale', 'attn_logit_softcapping', 'use_parallel_residual'],
]

describe('GGUF metadata', () => {
  test('a plain llama', async () => {
    const { config } = await decoderFromGguf(ggufFile(TINY_GGUF, { 'token_embd.weight': [300, 16] }), 'x.gguf')
    expect(config).toMatchObject({
      architecture: 'llama',
      vocabulary: 300,
      context: 96,
      hasTiedHead: true,
      ropes: [{ style: 'interleaved' }],
    })
  })

  test('rotary divisors are applied and checked', async () => {
    const file = ggufFile(TINY_GGUF, { 'rope_freqs.weight': [3] })
    await expect(decoderFromGguf(file, 'x.gguf')).rejects.toMatchObject({ code: 'TENSOR_MISMATCH' })
    const factors = new Uint8Array(Float32Array.of(2, 8).buffer)
    file.tensors.get('rope_freqs.weight')
    const tensor: StoredTensor = { name: 'rope_freqs.weight', type: 'f32', shape: [2], byteLength: 8, read: async () => factors }
    const { config } = await decoderFromGguf({ ...file, tensors: new Map([['rope_freqs.weight', tensor]]) }, 'x.gguf')
    const [first, second] = ropeFrequencies(4, 10_000)
    expect(config.ropes[0]).toMatchObject({ frequencies: Float32Array.of(first! / 2, second! / 8) })
  })

  test('whatever metadata holds, the answer is a configuration or CONFIG_INVALID', async () => {
    const values = fc.oneof(fc.anything(), fc.integer(), fc.double(), fc.constantFrom(0, -1, 1, 3, 2n ** 63n, 1e12, Number.NaN))
    const names = Object.keys(ggufNames())
    const property = fc.asyncProperty(
      fc.constantFrom(...Object.keys(ARCHITECTURES)),
      fc.dictionary(fc.constantFrom(...names, ...GGUF_OPTIONS), values),
      async (name, metadata) => {
        const entries = Object.entries({ ...ggufNames(), ...metadata }).map(([key, value]) => [`${name}.${key}`, value])
        const file = ggufFile({ ...Object.fromEntries(entries), 'general.architecture': name } as Record<string, GgufValue>)
        const error = await decoderFromGguf(file, 'x.gguf').then(
          () => undefined,
          (reason: unknown) => reason,
        )
        expect(error === undefined || isHenceError(error, 'CONFIG_INVALID')).toBe(true)
      },
    )
    await fc.assert(property)
  })

  test.each([
    ['missing width', { 'llama.embedding_length': undefined }],
    ['lists for numbers', { 'llama.attention.head_count_kv': [1, 2] }],
    ['no heads', { 'llama.attention.head_count': 0 }],
    ['an odd rope', { 'llama.rope.dimension_count': 3 }],
    ['a rope wider than the head', { 'llama.rope.dimension_count': 8 }],
    ['values of another size', { 'llama.attention.value_length': 8 }],
    ['an unknown rope', { 'llama.rope.scaling.type': 'spiral' }],
    ['2^63 layers', { 'llama.block_count': 2n ** 63n }],
  ])('%s: CONFIG_INVALID', async (_, metadata) => {
    const entries = Object.entries({ ...TINY_GGUF, ...metadata }).filter(([, value]) => value !== undefined)
    const file = ggufFile(Object.fromEntries(entries) as Record<string, GgufValue>)
    await expect(decoderFromGguf(file, 'x.gguf')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

describe('tensors', () => {
  test('all missing tensors are listed at once', () => {
    expect(() => writeDecoder(fromHuggingFace({}), { kvType: 'f32' })).toThrow(
      expect.objectContaining({
        code: 'TENSOR_MISSING',
        message: expect.stringContaining('lacks 20 of 20 tensors'),
        details: expect.objectContaining({ missing: expect.arrayContaining(['model.layers.1.mlp.down_proj.weight']) }),
      }),
    )
  })

  test('layers and biases the configuration does not know of are named, masks and other parts are not', () => {
    const shapes = {
      'model.embed_tokens.weight': [258, 16],
      'model.norm.weight': [16],
      ...Object.fromEntries(
        [0, 1].flatMap(layer =>
          Object.entries({
            ...{ 'self_attn.q_proj': [16, 16], 'self_attn.k_proj': [8, 16], 'self_attn.v_proj': [8, 16], 'self_attn.o_proj': [16, 16] },
            ...{ 'mlp.gate_proj': [24, 16], 'mlp.up_proj': [24, 16], 'mlp.down_proj': [16, 24] },
            ...{ input_layernorm: [16], post_attention_layernorm: [16] },
          }).map(([name, shape]) => [`model.layers.${layer}.${name}.weight`, shape]),
        ),
      ),
    }
    const write = (extra: readonly string[], config: Readonly<Record<string, unknown>> = {}): unknown => {
      const more = Object.fromEntries(extra.map(name => [name, [16]]))
      const source = decoderFromHuggingFace({ ...TINY_CONFIG, ...config }, checkpoint({ ...shapes, ...more }), 'config.json')
      return writeDecoder(source, { kvType: 'f32' })
    }
    const refused = (unused: readonly string[]): unknown =>
      expect.objectContaining({
        code: 'TENSOR_MISMATCH',
        message: expect.stringContaining(unused[0]!),
        details: expect.objectContaining({ unused }),
      })
    expect(() => write(['vision.layers.0.weight', 'model.layers.0.self_attn.rotary_emb.inv_freq', 'score.weight'])).not.toThrow()
    expect(() => write(['model.layers.2.mlp.up_proj.weight'])).toThrow(refused(['model.layers.2.mlp.up_proj.weight']))
    expect(() => write(['model.layers.0.self_attn.q_proj.bias'])).toThrow(refused(['model.layers.0.self_attn.q_proj.bias']))
    expect(() => write([], { num_hidden_layers: 1 })).toThrow(
      /of 1 layers, has no place for 9 tensors .* model.layers.1.self_attn.q_proj.weight/,
    )
  })

  test('wrong shapes are listed, fused and transposed ones too', () => {
    const config = { model_type: 'gpt2', n_embd: 8, n_head: 2, n_layer: 1, n_positions: 10, vocab_size: 12 }
    const good = {
      'wte.weight': [12, 8],
      'wpe.weight': [10, 8],
      'ln_f.weight': [8],
      'ln_f.bias': [8],
      'h.0.ln_1.weight': [8],
      'h.0.ln_1.bias': [8],
      'h.0.attn.c_attn.weight': [8, 24],
      'h.0.attn.c_attn.bias': [24],
      'h.0.attn.c_proj.weight': [8, 8],
      'h.0.attn.c_proj.bias': [8],
      'h.0.ln_2.weight': [8],
      'h.0.ln_2.bias': [8],
      'h.0.mlp.c_fc.weight': [8, 32],
      'h.0.mlp.c_fc.bias': [32],
      'h.0.mlp.c_proj.weight': [32, 8],
      'h.0.mlp.c_proj.bias': [8],
    }
    const write = (shapes: Readonly<Record<string, readonly number[]>>): unknown =>
      writeDecoder(decoderFromHuggingFace(config, checkpoint(shapes), 'config.json'), { kvType: 'f32' })
    expect(() => write(good)).not.toThrow()
    expect(() => write({ ...good, 'h.0.attn.c_attn.weight': [24, 8], 'h.0.mlp.c_fc.bias': [31] })).toThrow(
      expect.objectContaining({
        code: 'TENSOR_MISMATCH',
        details: {
          mismatches: [
            { tensor: 'h.0.attn.c_attn.weight', stored: [24, 8], wanted: [8, 24] },
            { tensor: 'h.0.mlp.c_fc.bias', stored: [31], wanted: [32] },
          ],
        },
      }),
    )
  })
})
