import { ACTIVATION_NAMES } from '../block-config.ts'
import type { ConfigFields } from '../config-fields.ts'
import { type AttentionConfig, type DecoderConfig, DECODER_LIMITS as LIMITS, type RopeConfig } from '../decoder-config.ts'
import type { DecoderNames } from '../decoder-roles.ts'
import { linearRopeFrequencies, ropeFrequencies, scaledRopeFrequencies } from '../rope-frequencies.ts'
import type { TensorSizes } from './architecture.ts'

/** In what the families that share Llama's block differ. */
export interface GatedDecoderTraits {
  readonly architecture: string
  readonly ropeStyle: RopeConfig['style']
  readonly hasQkvBias: boolean
  readonly hasOutputBias: boolean
  readonly hasMlpBias: boolean
  /** Newest keys a query of a layer sees; null for all. */
  windowOf(layer: number): number | null
}

/** Names of Llama's block in Hugging Face layout. */
export const GATED_HUGGING_FACE_NAMES: DecoderNames = {
  prefixes: ['model.', ''],
  places: {
    embedding: { base: '{prefix}embed_tokens' },
    finalNorm: { base: '{prefix}norm' },
    head: { base: 'lm_head' },
    attentionNorm: { base: '{prefix}layers.{layer}.input_layernorm' },
    q: { base: '{prefix}layers.{layer}.self_attn.q_proj' },
    k: { base: '{prefix}layers.{layer}.self_attn.k_proj' },
    v: { base: '{prefix}layers.{layer}.self_attn.v_proj' },
    attentionOutput: { base: '{prefix}layers.{layer}.self_attn.o_proj' },
    mlpNorm: { base: '{prefix}layers.{layer}.post_attention_layernorm' },
    gate: { base: '{prefix}layers.{layer}.mlp.gate_proj' },
    up: { base: '{prefix}layers.{layer}.mlp.up_proj' },
    down: { base: '{prefix}layers.{layer}.mlp.down_proj' },
  },
}

/** Names of Llama's block in GGUF. */
export const GATED_GGUF_NAMES: DecoderNames = {
  prefixes: [''],
  places: {
    embedding: { base: 'token_embd' },
    finalNorm: { base: 'output_norm' },
    head: { base: 'output' },
    attentionNorm: { base: 'blk.{layer}.attn_norm' },
    q: { base: 'blk.{layer}.attn_q' },
    k: { base: 'blk.{layer}.attn_k' },
    v: { base: 'blk.{layer}.attn_v' },
    attentionOutput: { base: 'blk.{layer}.attn_output' },
    mlpNorm: { base: 'blk.{layer}.ffn_norm' },
    gate: { base: 'blk.{layer}.ffn_gate' },
    up: { base: 'blk.{layer}.ffn_up' },
    down: { base: 'blk.{layer}.ffn_down' },
  },
}

/** A decoder of Llama's block as `config.json` describes it. */
export function gatedFromHuggingFace(fields: ConfigFields, tensors: TensorSizes, traits: GatedDecoderTraits): DecoderConfig {
  const hidden = fields.integer('hidden_size', LIMITS.hidden)
  const context = fields.integer('max_position_embeddings', LIMITS.context)
  const heads = fields.integer('num_attention_heads', LIMITS.heads)
  const attention = attentionOf(fields, traits, {
    heads,
    kvHeads: fields.integer('num_key_value_heads', LIMITS.heads, heads),
    headDim: fields.has('head_dim') ? fields.integer('head_dim', LIMITS.headDim) : evenHeadDim(fields, hidden, heads),
  })
  const turned = Math.floor(attention.headDim * fields.number('partial_rotary_factor', { min: 0, max: 1 }, 1))
  const frequencies = ropeFrequencies(checkTurned(fields, turned, attention.headDim), fields.number('rope_theta', LIMITS.ropeBase, 10_000))
  return assemble(fields, traits, attention, {
    vocabulary: fields.integer('vocab_size', LIMITS.vocabulary),
    hidden,
    context,
    layerCount: fields.integer('num_hidden_layers', LIMITS.layers),
    epsilon: fields.number('rms_norm_eps', LIMITS.epsilon),
    mlpWidth: fields.integer('intermediate_size', LIMITS.mlpWidth),
    activation: fields.choice('hidden_act', ACTIVATION_NAMES, 'silu'),
    frequencies: scaledRopeFrequencies(frequencies, fields.object('rope_scaling'), context),
    hasTiedHead: fields.boolean('tie_word_embeddings', !tensors.has('lm_head.weight')),
  })
}

/** A decoder of Llama's block as GGUF metadata describes it. */
export function gatedFromGguf(fields: ConfigFields, tensors: TensorSizes, traits: GatedDecoderTraits): DecoderConfig {
  const hidden = fields.integer('embedding_length', LIMITS.hidden)
  const heads = fields.integer('attention.head_count', LIMITS.heads)
  const headDim = fields.has('attention.key_length')
    ? fields.integer('attention.key_length', LIMITS.headDim)
    : evenHeadDim(fields, hidden, heads)
  const valueLength = fields.integer('attention.value_length', LIMITS.headDim, headDim)
  if (valueLength !== headDim)
    throw fields.invalid(`attention.value_length ${valueLength} differs from attention.key_length ${headDim}`, { valueLength, headDim })
  const attention = attentionOf(fields, traits, { heads, kvHeads: fields.integer('attention.head_count_kv', LIMITS.heads, heads), headDim })
  const turned = fields.integer('rope.dimension_count', LIMITS.headDim, headDim)
  const frequencies = ropeFrequencies(checkTurned(fields, turned, headDim), fields.number('rope.freq_base', LIMITS.ropeBase, 10_000))
  return assemble(fields, traits, attention, {
    vocabulary: tensors.shapeOf('token_embd.weight')?.[0] ?? fields.integer('vocab_size', LIMITS.vocabulary),
    hidden,
    context: fields.integer('context_length', LIMITS.context),
    layerCount: fields.integer('block_count', LIMITS.layers),
    epsilon: fields.number('attention.layer_norm_rms_epsilon', LIMITS.epsilon),
    mlpWidth: fields.integer('feed_forward_length', LIMITS.mlpWidth),
    activation: 'silu',
    frequencies: ggufScaling(fields, frequencies),
    hasTiedHead: !tensors.has('output.weight'),
  })
}

type HeadSizes = Pick<AttentionConfig, 'heads' | 'kvHeads' | 'headDim'>

function attentionOf(fields: ConfigFields, traits: GatedDecoderTraits, sizes: HeadSizes): Omit<AttentionConfig, 'window'> {
  const { heads, kvHeads, headDim } = sizes
  if (heads % kvHeads !== 0) throw fields.invalid(`${heads} heads cannot share ${kvHeads} key heads evenly`, { heads, kvHeads })
  return { ...sizes, scale: 1 / Math.sqrt(headDim), hasQkvBias: traits.hasQkvBias, hasOutputBias: traits.hasOutputBias }
}

/** The size of a head when only the sum of all heads is given. */
export function evenHeadDim(fields: ConfigFields, hidden: number, heads: number): number {
  if (hidden % heads !== 0) throw fields.invalid(`a width of ${hidden} cannot be shared evenly by ${heads} heads`, { hidden, heads })
  return hidden / heads
}

function checkTurned(fields: ConfigFields, turned: number, headDim: number): number {
  if (turned < 2 || turned % 2 !== 0 || turned > headDim)
    throw fields.invalid(`${turned} rotary numbers in a head of ${headDim}: must be even, at least 2 and at most the head`, {
      turned,
      headDim,
    })
  return turned
}

function ggufScaling(fields: ConfigFields, frequencies: RopeConfig['frequencies']): RopeConfig['frequencies'] {
  const factor = fields.number('rope.scaling.factor', { min: 0, max: LIMITS.ropeFactor.max }, 1)
  const isLinear = fields.choice('rope.scaling.type', { none: false, linear: true }, 'none')
  return isLinear && factor > 0 ? linearRopeFrequencies(frequencies, factor) : frequencies
}

interface GatedSizes {
  readonly vocabulary: number
  readonly hidden: number
  readonly context: number
  readonly layerCount: number
  readonly epsilon: number
  readonly mlpWidth: number
  readonly activation: (typeof ACTIVATION_NAMES)[string]
  readonly frequencies: RopeConfig['frequencies']
  readonly hasTiedHead: boolean
}

function assemble(
  fields: ConfigFields,
  traits: GatedDecoderTraits,
  attention: Omit<AttentionConfig, 'window'>,
  sizes: GatedSizes,
): DecoderConfig {
  const { vocabulary, hidden, context, layerCount, epsilon, mlpWidth, activation, frequencies, hasTiedHead } = sizes
  if (vocabulary > LIMITS.vocabulary.max)
    throw fields.invalid(`a vocabulary of ${vocabulary} is more than ${LIMITS.vocabulary.max}`, { vocabulary })
  return {
    architecture: traits.architecture,
    vocabulary,
    hidden,
    context,
    norm: { kind: 'rms', epsilon, hasBias: false },
    position: { kind: 'rope', style: traits.ropeStyle, frequencies, scale: 1 },
    layers: Array.from({ length: layerCount }, (_, layer) => ({
      attention: { ...attention, window: traits.windowOf(layer) },
      mlp: { width: mlpWidth, activation, isGated: true, hasBias: traits.hasMlpBias },
    })),
    hasTiedHead,
  }
}
