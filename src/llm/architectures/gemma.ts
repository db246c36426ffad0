import { ACTIVATION_NAMES } from '../block-config.ts'
import type { ConfigFields } from '../config-fields.ts'
import { type LayerNorms, DECODER_LIMITS as LIMITS } from '../decoder-config.ts'
import type { DecoderNames } from '../decoder-roles.ts'
import { evenHeadDim, type GatedDecoderTraits, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_HUGGING_FACE_NAMES } from './gated-names.ts'

const { places } = GATED_HUGGING_FACE_NAMES
/** Files hold the distance of each norm's weight from 1; in GGUF the 1 is there already. */
const OFFSET = { weight: { add: 1 } }
const NORMS: LayerNorms = { mixer: true, mixerOutput: true, mlp: true, mlpOutput: true }

/** What all Gemmas share: scaled embeddings, an approximated GELU. */
export const GEMMA_TRAITS: GatedDecoderTraits = {
  ...LLAMA_TRAITS,
  architecture: 'gemma',
  hasScaledEmbeddings: true,
  activation: 'gelu_tanh',
  norms: NORMS,
}

/** Names of Gemma 2 and 3 in Hugging Face layout, on their own or inside a model that also sees. */
export const GEMMA_NAMES: DecoderNames = {
  prefixes: ['model.', 'model.language_model.', 'language_model.model.', ''],
  places: {
    ...places,
    finalNorm: { ...places.finalNorm!, ...OFFSET },
    mixerNorm: { ...places.mixerNorm!, ...OFFSET },
    qNorm: { ...places.qNorm!, ...OFFSET },
    kNorm: { ...places.kNorm!, ...OFFSET },
    mixerOutputNorm: { base: '{prefix}layers.{layer}.post_attention_layernorm', ...OFFSET },
    mlpNorm: { base: '{prefix}layers.{layer}.pre_feedforward_layernorm', ...OFFSET },
    mlpOutputNorm: { base: '{prefix}layers.{layer}.post_feedforward_layernorm', ...OFFSET },
  },
}

/** What the settings all Gemmas in Hugging Face layout have say. */
export function gemmaSettings(fields: ConfigFields): Partial<GatedDecoderTraits> {
  const hasBias = fields.boolean('attention_bias', false)
  return {
    hasQkvBias: hasBias,
    hasOutputBias: hasBias,
    activation: fields.choice('hidden_activation', ACTIVATION_NAMES, 'gelu_pytorch_tanh'),
    attentionScale: 1 / Math.sqrt(fields.number('query_pre_attn_scalar', LIMITS.attentionScale, 256)),
    attentionSoftcap: softcap(fields, 'attn_logit_softcapping'),
    logitSoftcap: softcap(fields, 'final_logit_softcapping'),
  }
}

/**
 * What GGUF metadata of Gemma 2 and 3 says. It seldom has the scale of scores: the 27B models, told by the number of their
 * layers, have that of a head which is an even share of the width.
 */
export function gemmaGgufSettings(fields: ConfigFields, layersOf27B: number): Partial<GatedDecoderTraits> {
  return {
    attentionScale: ggufScale(fields, layersOf27B),
    attentionSoftcap: softcap(fields, 'attn_logit_softcapping'),
    logitSoftcap: softcap(fields, 'final_logit_softcapping'),
  }
}

/** Null for 1 / √headDim. */
function ggufScale(fields: ConfigFields, layersOf27B: number): number | null {
  if (fields.has('attention.scale')) return fields.number('attention.scale', LIMITS.attentionScale)
  if (fields.integer('block_count', LIMITS.layers) !== layersOf27B) return null
  const hidden = fields.integer('embedding_length', LIMITS.hidden)
  return 1 / Math.sqrt(evenHeadDim(fields, hidden, fields.integer('attention.head_count', LIMITS.heads)))
}

function softcap(fields: ConfigFields, name: string): number | null {
  return fields.has(name) ? fields.number(name, LIMITS.softcap) : null
}
