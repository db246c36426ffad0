import { ACTIVATION_NAMES, type MlpConfig } from '../block-config.ts'
import type { ConfigFields } from '../config-fields.ts'
import { type DecoderConfig, INPUT_NORMS, DECODER_LIMITS as LIMITS } from '../decoder-config.ts'
import type { DecoderPlace } from '../decoder-roles.ts'
import type { Architecture } from './architecture.ts'
import { evenHeadDim } from './gated-decoder.ts'
import { GATED_GGUF_NAMES } from './gated-names.ts'
import { ggufRope, huggingFaceRope, type ReadRope } from './rope-fields.ts'

/** Each head's query, key and value follow each other. */
const QKV: DecoderPlace = { base: '{prefix}layers.{layer}.attention.query_key_value', fused: ['q', 'k', 'v'], isGrouped: true }
const GGUF_QKV: DecoderPlace = { base: 'blk.{layer}.attn_qkv', fused: ['q', 'k', 'v'] }

/** GPT-NeoX and Pythia: layer norm, biases, attention and MLP side by side, a quarter of each head turned. */
export const gptNeox: Architecture = {
  name: 'gpt_neox',
  aliases: ['gptneox'],
  huggingFace: {
    names: {
      prefixes: ['gpt_neox.', ''],
      places: {
        embedding: { base: '{prefix}embed_in' },
        finalNorm: { base: '{prefix}final_layer_norm' },
        head: { base: 'embed_out' },
        mixerNorm: { base: '{prefix}layers.{layer}.input_layernorm' },
        q: QKV,
        k: QKV,
        v: QKV,
        attentionOutput: { base: '{prefix}layers.{layer}.attention.dense' },
        mlpNorm: { base: '{prefix}layers.{layer}.post_attention_layernorm' },
        up: { base: '{prefix}layers.{layer}.mlp.dense_h_to_4h' },
        down: { base: '{prefix}layers.{layer}.mlp.dense_4h_to_h' },
      },
    },
    readConfig(root, tensors) {
      const fields = root.with({
        rope_theta: root.raw('rotary_emb_base') ?? root.raw('rope_theta'),
        partial_rotary_factor: root.raw('rotary_pct') ?? root.raw('partial_rotary_factor'),
      })
      const hidden = fields.integer('hidden_size', LIMITS.hidden)
      const context = fields.integer('max_position_embeddings', LIMITS.context)
      const heads = fields.integer('num_attention_heads', LIMITS.heads)
      const headDim = evenHeadDim(fields, hidden, heads)
      return gptNeoxConfig(fields, {
        ...{ hidden, context, heads, headDim },
        vocabulary: fields.integer('vocab_size', LIMITS.vocabulary),
        layerCount: fields.integer('num_hidden_layers', LIMITS.layers),
        mlpWidth: fields.integer('intermediate_size', LIMITS.mlpWidth),
        epsilon: fields.number('layer_norm_eps', LIMITS.epsilon, 1e-5),
        activation: fields.choice('hidden_act', ACTIVATION_NAMES, 'gelu'),
        hasAttentionBias: fields.boolean('attention_bias', true),
        isParallel: fields.boolean('use_parallel_residual', true),
        rope: huggingFaceRope(fields, headDim, context, 0.25),
        hasTiedHead: fields.boolean('tie_word_embeddings', !tensors.has('embed_out.weight')),
      })
    },
  },
  gguf: {
    names: { ...GATED_GGUF_NAMES, places: { ...GATED_GGUF_NAMES.places, q: GGUF_QKV, k: GGUF_QKV, v: GGUF_QKV } },
    readConfig(fields, tensors) {
      const hidden = fields.integer('embedding_length', LIMITS.hidden)
      const context = fields.integer('context_length', LIMITS.context)
      const heads = fields.integer('attention.head_count', LIMITS.heads)
      const headDim = evenHeadDim(fields, hidden, heads)
      return gptNeoxConfig(fields, {
        ...{ hidden, context, heads, headDim },
        vocabulary: tensors.shapeOf('token_embd.weight')?.[0] ?? fields.integer('vocab_size', LIMITS.vocabulary),
        layerCount: fields.integer('block_count', LIMITS.layers),
        mlpWidth: fields.integer('feed_forward_length', LIMITS.mlpWidth),
        epsilon: fields.number('attention.layer_norm_epsilon', LIMITS.epsilon),
        activation: 'gelu',
        hasAttentionBias: true,
        isParallel: fields.boolean('use_parallel_residual', true),
        rope: ggufRope(fields, headDim, context),
        hasTiedHead: !tensors.has('output.weight'),
      })
    },
  },
}

interface GptNeoxSizes {
  readonly vocabulary: number
  readonly hidden: number
  readonly context: number
  readonly heads: number
  readonly headDim: number
  readonly layerCount: number
  readonly mlpWidth: number
  readonly epsilon: number
  readonly activation: MlpConfig['activation']
  readonly hasAttentionBias: boolean
  readonly isParallel: boolean
  readonly rope: ReadRope
  readonly hasTiedHead: boolean
}

function gptNeoxConfig(fields: ConfigFields, sizes: GptNeoxSizes): DecoderConfig {
  const { vocabulary, hidden, context, heads, headDim, hasAttentionBias, isParallel, hasTiedHead } = sizes
  if (vocabulary > LIMITS.vocabulary.max)
    throw fields.invalid(`a vocabulary of ${vocabulary} is more than ${LIMITS.vocabulary.max}`, { vocabulary })
  return {
    architecture: 'gpt_neox',
    vocabulary,
    hidden,
    context,
    norm: { kind: 'layer', epsilon: sizes.epsilon, hasBias: true },
    embeddingScale: 1,
    positions: null,
    ropes: [{ ...sizes.rope.turns, style: 'half' }],
    layers: Array.from({ length: sizes.layerCount }, () => ({
      mixer: {
        kind: 'attention',
        ...{ heads, kvHeads: heads, headDim, scale: 1 / Math.sqrt(headDim) },
        ...{ window: null, softcap: null, rope: 0, queryKeyNorm: null },
        hasQkvBias: hasAttentionBias,
        hasOutputBias: hasAttentionBias,
        hasSinks: false,
      },
      mlp: { width: sizes.mlpWidth, activation: sizes.activation, isGated: false, hasBias: true },
      norms: INPUT_NORMS,
      isParallel,
    })),
    hasTiedHead,
    logitSoftcap: null,
  }
}
