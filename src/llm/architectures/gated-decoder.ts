import { ACTIVATION_NAMES, type MlpConfig } from '../block-config.ts'
import type { ConfigFields } from '../config-fields.ts'
import {
  type AttentionConfig,
  type DecoderConfig,
  INPUT_NORMS,
  type LayerNorms,
  DECODER_LIMITS as LIMITS,
  type RopeConfig,
} from '../decoder-config.ts'
import { plainRope, ropeFrequencies } from '../rope-frequencies.ts'
import type { TensorSizes } from './architecture.ts'
import { ggufRope, huggingFaceRope, type ReadRope } from './rope-fields.ts'

/** In what the families that share Llama's block differ. */
export interface GatedDecoderTraits {
  readonly architecture: string
  readonly ropeStyle: RopeConfig['style']
  readonly hasQkvBias: boolean
  readonly hasOutputBias: boolean
  readonly hasMlpBias: boolean
  /** See {@link AttentionConfig}. */
  readonly hasSinks: boolean
  /** See `ggufRope`. */
  readonly hasRoundedYarn: boolean
  readonly norms: LayerNorms
  readonly queryKeyNorm: AttentionConfig['queryKeyNorm']
  /** Null for what the configuration says. */
  readonly activation: MlpConfig['activation'] | null
  /** Multiplies query · key; null for 1 / √headDim. */
  readonly attentionScale: number | null
  readonly attentionSoftcap: number | null
  readonly logitSoftcap: number | null
  /** Embeddings are multiplied by √hidden. */
  readonly hasScaledEmbeddings: boolean
  /** Base of a second set of rotary positions, never stretched. */
  readonly secondRopeBase: number | null
  /** Newest keys a query of a layer sees; null for all. */
  windowOf(layer: number): number | null
  /** Which rotary positions a layer uses. */
  ropeOf(layer: number): number | null
}

/** Llama's own block. */
export const LLAMA_TRAITS: GatedDecoderTraits = {
  architecture: 'llama',
  ropeStyle: 'half',
  hasQkvBias: false,
  hasOutputBias: false,
  hasMlpBias: false,
  hasSinks: false,
  hasRoundedYarn: true,
  norms: INPUT_NORMS,
  queryKeyNorm: null,
  activation: null,
  attentionScale: null,
  attentionSoftcap: null,
  logitSoftcap: null,
  hasScaledEmbeddings: false,
  secondRopeBase: null,
  windowOf: () => null,
  ropeOf: () => 0,
}

/** A decoder of Llama's block as `config.json` describes it. */
export function gatedFromHuggingFace(fields: ConfigFields, tensors: TensorSizes, traits: GatedDecoderTraits): DecoderConfig {
  const hidden = fields.integer('hidden_size', LIMITS.hidden)
  const context = fields.integer('max_position_embeddings', LIMITS.context)
  const heads = fields.integer('num_attention_heads', LIMITS.heads)
  const headDim = fields.has('head_dim') ? fields.integer('head_dim', LIMITS.headDim) : evenHeadDim(fields, hidden, heads)
  return assemble(fields, traits, {
    vocabulary: fields.integer('vocab_size', LIMITS.vocabulary),
    hidden,
    context,
    heads,
    kvHeads: fields.integer('num_key_value_heads', LIMITS.heads, heads),
    headDim,
    layerCount: fields.integer('num_hidden_layers', LIMITS.layers),
    epsilon: fields.number('rms_norm_eps', LIMITS.epsilon),
    mlpWidth: fields.integer('intermediate_size', LIMITS.mlpWidth),
    activation: traits.activation ?? fields.choice('hidden_act', ACTIVATION_NAMES, 'silu'),
    rope: huggingFaceRope(fields, headDim, context),
    hasTiedHead: fields.boolean('tie_word_embeddings', !tensors.has('lm_head.weight')),
  })
}

/** A decoder of Llama's block as GGUF metadata describes it. */
export function gatedFromGguf(fields: ConfigFields, tensors: TensorSizes, traits: GatedDecoderTraits): DecoderConfig {
  const hidden = fields.integer('embedding_length', LIMITS.hidden)
  const context = fields.integer('context_length', LIMITS.context)
  const heads = fields.integer('attention.head_count', LIMITS.heads)
  const headDim = ggufHeadDim(fields, hidden, heads)
  return assemble(fields, traits, {
    vocabulary: tensors.shapeOf('token_embd.weight')?.[0] ?? fields.integer('vocab_size', LIMITS.vocabulary),
    hidden,
    context,
    heads,
    kvHeads: fields.integer('attention.head_count_kv', LIMITS.heads, heads),
    headDim,
    layerCount: fields.integer('block_count', LIMITS.layers),
    epsilon: fields.number('attention.layer_norm_rms_epsilon', LIMITS.epsilon),
    mlpWidth: fields.integer('feed_forward_length', LIMITS.mlpWidth),
    activation: traits.activation ?? 'silu',
    rope: ggufRope(fields, headDim, context, traits.hasRoundedYarn),
    hasTiedHead: !tensors.has('output.weight'),
  })
}

/** The size of a head when only the sum of all heads is given. */
export function evenHeadDim(fields: ConfigFields, hidden: number, heads: number): number {
  if (hidden % heads !== 0) throw fields.invalid(`a width of ${hidden} cannot be shared evenly by ${heads} heads`, { hidden, heads })
  return hidden / heads
}

/** The size of a head in GGUF metadata. */
export function ggufHeadDim(fields: ConfigFields, hidden: number, heads: number): number {
  const headDim = fields.has('attention.key_length')
    ? fields.integer('attention.key_length', LIMITS.headDim)
    : evenHeadDim(fields, hidden, heads)
  const valueLength = fields.integer('attention.value_length', LIMITS.headDim, headDim)
  if (valueLength !== headDim)
    throw fields.invalid(`attention.value_length ${valueLength} differs from attention.key_length ${headDim}`, { valueLength, headDim })
  return headDim
}

interface GatedSizes {
  readonly vocabulary: number
  readonly hidden: number
  readonly context: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly layerCount: number
  readonly epsilon: number
  readonly mlpWidth: number
  readonly activation: MlpConfig['activation']
  readonly rope: ReadRope
  readonly hasTiedHead: boolean
}

function assemble(fields: ConfigFields, traits: GatedDecoderTraits, sizes: GatedSizes): DecoderConfig {
  const { vocabulary, hidden, context, heads, kvHeads, headDim, layerCount, epsilon, mlpWidth, activation, rope, hasTiedHead } = sizes
  if (vocabulary > LIMITS.vocabulary.max)
    throw fields.invalid(`a vocabulary of ${vocabulary} is more than ${LIMITS.vocabulary.max}`, { vocabulary })
  if (heads % kvHeads !== 0) throw fields.invalid(`${heads} heads cannot share ${kvHeads} key heads evenly`, { heads, kvHeads })
  const { secondRopeBase, attentionScale, attentionSoftcap, queryKeyNorm, hasQkvBias, hasOutputBias, hasSinks } = traits
  const turns = [rope.turns, ...(secondRopeBase === null ? [] : [plainRope(ropeFrequencies(rope.model.dims, secondRopeBase))])]
  return {
    architecture: traits.architecture,
    vocabulary,
    hidden,
    context,
    norm: { kind: 'rms', epsilon, hasBias: false },
    embeddingScale: traits.hasScaledEmbeddings ? Math.fround(Math.sqrt(hidden)) : 1,
    positions: null,
    ropes: turns.map(one => ({ ...one, style: traits.ropeStyle })),
    layers: Array.from({ length: layerCount }, (_, layer) => ({
      mixer: {
        kind: 'attention',
        ...{ heads, kvHeads, headDim, queryKeyNorm, hasQkvBias, hasOutputBias, hasSinks },
        scale: attentionScale ?? 1 / Math.sqrt(headDim),
        softcap: attentionSoftcap,
        window: traits.windowOf(layer),
        rope: traits.ropeOf(layer),
      },
      mlp: { width: mlpWidth, activation, isGated: true, hasBias: traits.hasMlpBias },
      norms: traits.norms,
      isParallel: false,
    })),
    hasTiedHead,
    logitSoftcap: traits.logitSoftcap,
  }
}
