import { ACTIVATION_NAMES } from '../block-config.ts'
import { DECODER_LIMITS } from '../decoder-config.ts'
import type { DecoderNames } from '../decoder-roles.ts'
import type { Architecture } from './architecture.ts'
import { expertCounts, withExperts } from './experts.ts'
import { gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_HUGGING_FACE_NAMES } from './gated-names.ts'
import { llama } from './llama.ts'

const NAMES: DecoderNames = {
  ...GATED_HUGGING_FACE_NAMES,
  places: {
    ...GATED_HUGGING_FACE_NAMES.places,
    router: { base: '{prefix}layers.{layer}.block_sparse_moe.gate' },
    expertGate: { base: '{prefix}layers.{layer}.block_sparse_moe.experts.{expert}.w1' },
    expertUp: { base: '{prefix}layers.{layer}.block_sparse_moe.experts.{expert}.w3' },
    expertDown: { base: '{prefix}layers.{layer}.block_sparse_moe.experts.{expert}.w2' },
  },
}

/** Mixtral: Llama's block with routed experts. In GGUF it calls itself llama. Source: Jiang et al. 2024. */
export const mixtral: Architecture = {
  name: 'mixtral',
  huggingFace: {
    names: NAMES,
    readConfig(fields, tensors) {
      const window = fields.has('sliding_window') ? fields.integer('sliding_window', DECODER_LIMITS.window) : null
      const config = gatedFromHuggingFace(fields, tensors, { ...LLAMA_TRAITS, architecture: 'mixtral', windowOf: () => window })
      return withExperts(config, () => ({
        kind: 'experts',
        ...expertCounts(fields, 'num_local_experts', 'num_experts_per_tok'),
        width: fields.integer('intermediate_size', DECODER_LIMITS.mlpWidth),
        isNormalized: true,
        gating: fields.choice('hidden_act', ACTIVATION_NAMES, 'silu'),
        hasRouterBias: false,
        hasBias: false,
      }))
    },
  },
  gguf: llama.gguf,
}
