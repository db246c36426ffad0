import type { ConfigFields } from '../config-fields.ts'
import { type DecoderConfig, type ExpertsConfig, DECODER_LIMITS as LIMITS } from '../decoder-config.ts'
import type { DecoderNames, DecoderPlace } from '../decoder-roles.ts'
import type { Architecture, TensorSizes } from './architecture.ts'
import { expertCounts, ggufExpertNames, withExperts } from './experts.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_HUGGING_FACE_NAMES } from './gated-names.ts'
import { slidingLayers } from './layer-windows.ts'
import { ggufWindow } from './llama.ts'

/** What the gate's sigmoid is sharpened by, and where gate and up end, unless a file says otherwise. */
const GATING = { alpha: 1.702, limit: 7 }

const TRAITS: GatedDecoderTraits = { ...LLAMA_TRAITS, architecture: 'gpt_oss', hasQkvBias: true, hasOutputBias: true, hasSinks: true }

/** Every second layer, from the first on, has a window. */
const isSlidingByDefault = (layer: number): boolean => layer % 2 === 0

/** gpt-oss: attention with sinks, windows in every second layer, routed experts with a clamped gate. */
export const gptOss: Architecture = {
  name: 'gpt_oss',
  aliases: ['gpt-oss'],
  huggingFace: {
    names: (_, tensors) => huggingFaceNames(tensors),
    readConfig(fields, tensors) {
      const window = fields.integer('sliding_window', LIMITS.window, 128)
      const isSliding = slidingLayers(fields, isSlidingByDefault)
      const hasBias = fields.boolean('attention_bias', true)
      const traits = { ...TRAITS, hasQkvBias: hasBias, hasOutputBias: hasBias, windowOf: windows(window, isSliding) }
      const counts = expertCounts(fields, 'num_local_experts', 'num_experts_per_tok')
      const width = fields.integer('intermediate_size', LIMITS.mlpWidth)
      return experts(gatedFromHuggingFace(fields, tensors, traits), fields, { ...counts, width })
    },
  },
  gguf: {
    names: (_, tensors) => {
      const { prefixes, places } = ggufExpertNames(tensors)
      const mlpNorm = { base: 'blk.{layer}.post_attention_norm' }
      return { prefixes, places: { ...places, mlpNorm, sinks: { base: 'blk.{layer}.attn_sinks' } } }
    },
    readConfig(root, tensors) {
      const width = root.integer('expert_feed_forward_length', LIMITS.mlpWidth)
      // The model's own blend of frequencies is not rounded to whole pairs, which the metadata cannot say.
      const fields = root.withDefaults({ feed_forward_length: width })
      const traits = { ...TRAITS, hasRoundedYarn: false, windowOf: windows(ggufWindow(fields), isSlidingByDefault) }
      return experts(gatedFromGguf(fields, tensors, traits), fields, {
        ...expertCounts(fields, 'expert_count', 'expert_used_count'),
        width,
      })
    },
  },
}

function windows(window: number | null, isSliding: (layer: number) => boolean): GatedDecoderTraits['windowOf'] {
  return layer => (isSliding(layer) ? window : null)
}

function experts(config: DecoderConfig, fields: ConfigFields, sizes: Pick<ExpertsConfig, 'count' | 'perToken' | 'width'>): DecoderConfig {
  const limit = fields.number('swiglu_limit', { min: 1e-3, max: 1e9 }, GATING.limit)
  return withExperts(config, () => ({
    kind: 'experts',
    ...sizes,
    isNormalized: true,
    gating: { ...GATING, limit },
    hasRouterBias: true,
    hasBias: true,
  }))
}

/** Gate and up take turns among the rows; in files without four-bit floats the matrices are `[in, out]`. */
function huggingFaceNames(tensors: TensorSizes): DecoderNames {
  const suffixes = { weight: '', bias: '_bias' }
  const transpose = tensors.typeOf('model.layers.0.mlp.experts.down_proj') !== 'mxfp4'
  const half = (index: number): DecoderPlace => {
    const part = { rows: [index, index + 1], every: 2 } as const
    return {
      base: '{prefix}layers.{layer}.mlp.experts.gate_up_proj',
      ...{ suffixes, transpose, weight: part },
      bias: { ...part, hasVectors: true },
    }
  }
  return {
    ...GATED_HUGGING_FACE_NAMES,
    places: {
      ...GATED_HUGGING_FACE_NAMES.places,
      sinks: { base: '{prefix}layers.{layer}.self_attn.sinks', suffixes },
      router: { base: '{prefix}layers.{layer}.mlp.router' },
      expertGate: half(0),
      expertUp: half(1),
      expertDown: { base: '{prefix}layers.{layer}.mlp.experts.down_proj', suffixes, transpose },
    },
  }
}
