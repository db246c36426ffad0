import type { ConfigFields } from '../config-fields.ts'
import { DECODER_LIMITS } from '../decoder-config.ts'
import type { Architecture } from './architecture.ts'
import {
  GATED_GGUF_NAMES,
  GATED_HUGGING_FACE_NAMES,
  type GatedDecoderTraits,
  gatedFromGguf,
  gatedFromHuggingFace,
} from './gated-decoder.ts'

const PLAIN: GatedDecoderTraits = {
  architecture: 'llama',
  ropeStyle: 'half',
  hasQkvBias: false,
  hasOutputBias: false,
  hasMlpBias: false,
  windowOf: () => null,
}

/** Llama 1 to 3 and the many models of their shape; llama2.c checkpoints use its GGUF form. */
export const llama: Architecture = {
  name: 'llama',
  huggingFace: {
    names: GATED_HUGGING_FACE_NAMES,
    readConfig(fields, tensors) {
      const hasBias = fields.boolean('attention_bias', false)
      const hasMlpBias = fields.boolean('mlp_bias', false)
      return gatedFromHuggingFace(fields, tensors, { ...PLAIN, hasQkvBias: hasBias, hasOutputBias: hasBias, hasMlpBias })
    },
  },
  gguf: {
    names: GATED_GGUF_NAMES,
    readConfig: (fields, tensors) => gatedFromGguf(fields, tensors, ggufLlamaTraits('llama', fields, tensors)),
  },
}

/** Traits of GGUF files whose q and k rows are permuted for interleaved pairs; biases are where there are tensors for them. */
export function ggufLlamaTraits(architecture: string, fields: ConfigFields, tensors: { has(name: string): boolean }): GatedDecoderTraits {
  const window = fields.integer('attention.sliding_window', { min: 0, max: DECODER_LIMITS.window.max }, 0)
  return {
    architecture,
    ropeStyle: 'interleaved',
    hasQkvBias: tensors.has('blk.0.attn_q.bias'),
    hasOutputBias: tensors.has('blk.0.attn_output.bias'),
    hasMlpBias: tensors.has('blk.0.ffn_up.bias'),
    windowOf: () => window || null,
  }
}
