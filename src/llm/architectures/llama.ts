import type { ConfigFields } from '../config-fields.ts'
import { DECODER_LIMITS } from '../decoder-config.ts'
import type { Architecture, TensorSizes } from './architecture.ts'
import { ggufExpertNames, ggufExperts, withExperts } from './experts.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_HUGGING_FACE_NAMES } from './gated-names.ts'

/** Llama 1 to 3 and the many models of their shape; llama2.c checkpoints use its GGUF form. */
export const llama: Architecture = {
  name: 'llama',
  huggingFace: {
    names: GATED_HUGGING_FACE_NAMES,
    readConfig: (fields, tensors) => gatedFromHuggingFace(fields, tensors, { ...LLAMA_TRAITS, ...biases(fields) }),
  },
  gguf: {
    names: (_, tensors) => ggufExpertNames(tensors),
    readConfig(fields, tensors) {
      const config = gatedFromGguf(fields, tensors, ggufLlamaTraits('llama', fields, tensors))
      // Mixtral converted to GGUF.
      const hasExperts = fields.integer('expert_count', { min: 0, max: DECODER_LIMITS.experts.max }, 0) > 0
      return hasExperts ? withExperts(config, () => ggufExperts(fields, { isNormalized: true, gating: 'silu' })) : config
    },
  },
}

/** Biases as `attention_bias` and `mlp_bias` say. */
export function biases(fields: ConfigFields): Pick<GatedDecoderTraits, 'hasQkvBias' | 'hasOutputBias' | 'hasMlpBias'> {
  const hasBias = fields.boolean('attention_bias', false)
  return { hasQkvBias: hasBias, hasOutputBias: hasBias, hasMlpBias: fields.boolean('mlp_bias', false) }
}

/** Traits of GGUF files whose q and k rows are permuted for interleaved pairs; biases are where there are tensors for them. */
export function ggufLlamaTraits(architecture: string, fields: ConfigFields, tensors: Pick<TensorSizes, 'has'>): GatedDecoderTraits {
  return {
    ...LLAMA_TRAITS,
    architecture,
    ropeStyle: 'interleaved',
    hasQkvBias: tensors.has('blk.0.attn_q.bias'),
    hasOutputBias: tensors.has('blk.0.attn_output.bias'),
    hasMlpBias: tensors.has('blk.0.ffn_up.bias'),
    windowOf: () => ggufWindow(fields),
  }
}

/** The window in GGUF metadata, where 0 means none. */
export function ggufWindow(fields: ConfigFields): number | null {
  return fields.integer('attention.sliding_window', { min: 0, max: DECODER_LIMITS.window.max }, 0) || null
}
