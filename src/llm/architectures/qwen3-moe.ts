import { ACTIVATION_NAMES } from '../block-config.ts'
import type { ConfigFields } from '../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../decoder-config.ts'
import type { DecoderNames } from '../decoder-roles.ts'
import type { Architecture } from './architecture.ts'
import { expertCounts, ggufExpertNames, ggufExperts, withExperts } from './experts.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_HUGGING_FACE_NAMES } from './gated-names.ts'
import { optionalWindows } from './layer-windows.ts'
import { biases } from './llama.ts'

const TRAITS: GatedDecoderTraits = { ...LLAMA_TRAITS, architecture: 'qwen3_moe', queryKeyNorm: 'head' }

const NAMES: DecoderNames = {
  ...GATED_HUGGING_FACE_NAMES,
  places: {
    ...GATED_HUGGING_FACE_NAMES.places,
    router: { base: '{prefix}layers.{layer}.mlp.gate' },
    expertGate: { base: '{prefix}layers.{layer}.mlp.experts.{expert}.gate_proj' },
    expertUp: { base: '{prefix}layers.{layer}.mlp.experts.{expert}.up_proj' },
    expertDown: { base: '{prefix}layers.{layer}.mlp.experts.{expert}.down_proj' },
  },
}

/** Qwen 3 with routed experts, in all layers but those the configuration leaves out. */
export const qwen3Moe: Architecture = {
  name: 'qwen3_moe',
  aliases: ['qwen3moe'],
  huggingFace: {
    names: NAMES,
    readConfig(fields, tensors) {
      const config = gatedFromHuggingFace(fields, tensors, { ...TRAITS, ...biases(fields), windowOf: optionalWindows(fields) })
      const isSparse = sparseLayers(fields)
      return withExperts(config, layer =>
        isSparse(layer)
          ? {
              kind: 'experts',
              ...expertCounts(fields, 'num_experts', 'num_experts_per_tok'),
              width: fields.integer('moe_intermediate_size', LIMITS.mlpWidth),
              isNormalized: fields.boolean('norm_topk_prob', false),
              gating: fields.choice('hidden_act', ACTIVATION_NAMES, 'silu'),
              hasRouterBias: false,
              hasBias: false,
            }
          : null,
      )
    },
  },
  gguf: {
    names: (_, tensors) => ggufExpertNames(tensors),
    readConfig: (fields, tensors) =>
      withExperts(gatedFromGguf(fields, tensors, TRAITS), layer =>
        tensors.has(`blk.${layer}.ffn_gate_inp.weight`) ? ggufExperts(fields, { isNormalized: true, gating: 'silu' }) : null,
      ),
  },
}

/** Which layers have experts: every `decoder_sparse_step`-th one, without those of `mlp_only_layers`. */
function sparseLayers(fields: ConfigFields): (layer: number) => boolean {
  const range = { min: 0, max: LIMITS.layers.max }
  const step = fields.integer('decoder_sparse_step', LIMITS.layers, 1)
  const dense = new Set(fields.has('mlp_only_layers') ? fields.numbers('mlp_only_layers', range, LIMITS.layers.max) : [])
  return layer => (layer + 1) % step === 0 && !dense.has(layer)
}
