import { ACTIVATION_NAMES, type MlpConfig } from '../block-config.ts'
import type { ConfigFields } from '../config-fields.ts'
import { type DecoderConfig, INPUT_NORMS, DECODER_LIMITS as LIMITS } from '../decoder-config.ts'
import type { DecoderRole } from '../decoder-roles.ts'
import type { Architecture } from './architecture.ts'
import { evenHeadDim } from './gated-decoder.ts'

const QKV: readonly DecoderRole[] = ['q', 'k', 'v']

const CONV1D_QKV = { base: '{prefix}h.{layer}.attn.c_attn', fused: QKV, transpose: true }
const GGUF_QKV = { base: 'blk.{layer}.attn_qkv', fused: QKV }

/** GPT-2: learned positions, layer norm, biases everywhere. Its Hugging Face matrices are stored `[in, out]`. */
export const gpt2: Architecture = {
  name: 'gpt2',
  huggingFace: {
    names: {
      prefixes: ['transformer.', ''],
      places: {
        embedding: { base: '{prefix}wte' },
        positions: { base: '{prefix}wpe' },
        finalNorm: { base: '{prefix}ln_f' },
        head: { base: 'lm_head' },
        mixerNorm: { base: '{prefix}h.{layer}.ln_1' },
        q: CONV1D_QKV,
        k: CONV1D_QKV,
        v: CONV1D_QKV,
        attentionOutput: { base: '{prefix}h.{layer}.attn.c_proj', transpose: true },
        mlpNorm: { base: '{prefix}h.{layer}.ln_2' },
        up: { base: '{prefix}h.{layer}.mlp.c_fc', transpose: true },
        down: { base: '{prefix}h.{layer}.mlp.c_proj', transpose: true },
      },
    },
    readConfig(fields, tensors) {
      const hidden = fields.integer('n_embd', LIMITS.hidden)
      const byLayer = fields.boolean('scale_attn_by_inverse_layer_idx', false)
      const isScaled = fields.boolean('scale_attn_weights', true)
      return gpt2Config(fields, {
        vocabulary: fields.integer('vocab_size', LIMITS.vocabulary),
        hidden,
        context: fields.integer('n_positions', LIMITS.context),
        heads: fields.integer('n_head', LIMITS.heads),
        layerCount: fields.integer('n_layer', LIMITS.layers),
        mlpWidth: fields.integer('n_inner', LIMITS.mlpWidth, 4 * hidden),
        epsilon: fields.number('layer_norm_epsilon', LIMITS.epsilon, 1e-5),
        activation: fields.choice('activation_function', ACTIVATION_NAMES, 'gelu_new'),
        scaleOf: (layer, headDim) => (isScaled ? 1 / Math.sqrt(headDim) : 1) / (byLayer ? layer + 1 : 1),
        hasTiedHead: fields.boolean('tie_word_embeddings', !tensors.has('lm_head.weight')),
      })
    },
  },
  gguf: {
    names: {
      prefixes: [''],
      places: {
        embedding: { base: 'token_embd' },
        positions: { base: 'position_embd' },
        finalNorm: { base: 'output_norm' },
        head: { base: 'output' },
        mixerNorm: { base: 'blk.{layer}.attn_norm' },
        q: GGUF_QKV,
        k: GGUF_QKV,
        v: GGUF_QKV,
        attentionOutput: { base: 'blk.{layer}.attn_output' },
        mlpNorm: { base: 'blk.{layer}.ffn_norm' },
        up: { base: 'blk.{layer}.ffn_up' },
        down: { base: 'blk.{layer}.ffn_down' },
      },
    },
    readConfig: (fields, tensors) =>
      gpt2Config(fields, {
        vocabulary: tensors.shapeOf('token_embd.weight')?.[0] ?? fields.integer('vocab_size', LIMITS.vocabulary),
        hidden: fields.integer('embedding_length', LIMITS.hidden),
        context: fields.integer('context_length', LIMITS.context),
        heads: fields.integer('attention.head_count', LIMITS.heads),
        layerCount: fields.integer('block_count', LIMITS.layers),
        mlpWidth: fields.integer('feed_forward_length', LIMITS.mlpWidth),
        epsilon: fields.number('attention.layer_norm_epsilon', LIMITS.epsilon),
        activation: 'gelu_tanh',
        scaleOf: (_, headDim) => 1 / Math.sqrt(headDim),
        hasTiedHead: !tensors.has('output.weight'),
      }),
  },
}

interface Gpt2Sizes {
  readonly vocabulary: number
  readonly hidden: number
  readonly context: number
  readonly heads: number
  readonly layerCount: number
  readonly mlpWidth: number
  readonly epsilon: number
  readonly activation: MlpConfig['activation']
  readonly hasTiedHead: boolean
  scaleOf(layer: number, headDim: number): number
}

function gpt2Config(fields: ConfigFields, sizes: Gpt2Sizes): DecoderConfig {
  const { vocabulary, hidden, context, heads, layerCount, mlpWidth, epsilon, activation, hasTiedHead } = sizes
  const headDim = evenHeadDim(fields, hidden, heads)
  return {
    architecture: 'gpt2',
    vocabulary,
    hidden,
    context,
    norm: { kind: 'layer', epsilon, hasBias: true },
    embeddingScale: 1,
    positions: { offset: 0 },
    ropes: [],
    layers: Array.from({ length: layerCount }, (_, layer) => ({
      mixer: {
        kind: 'attention',
        heads,
        kvHeads: heads,
        headDim,
        scale: sizes.scaleOf(layer, headDim),
        window: null,
        softcap: null,
        rope: null,
        queryKeyNorm: null,
        hasQkvBias: true,
        hasOutputBias: true,
        hasSinks: false,
      },
      mlp: { width: mlpWidth, activation, isGated: false, hasBias: true },
      norms: INPUT_NORMS,
      isParallel: false,
    })),
    hasTiedHead,
    logitSoftcap: null,
  }
}
