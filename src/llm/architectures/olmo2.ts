import type { Architecture } from './architecture.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_GGUF_NAMES, GATED_HUGGING_FACE_NAMES } from './gated-names.ts'
import { biases } from './llama.ts'

const TRAITS: GatedDecoderTraits = {
  ...LLAMA_TRAITS,
  architecture: 'olmo2',
  norms: { mixer: false, mixerOutput: true, mlp: false, mlpOutput: true },
  queryKeyNorm: 'row',
}

/** OLMo 2: norms of what attention and MLP give instead of what they take, and of all query and all key heads at once. */
export const olmo2: Architecture = {
  name: 'olmo2',
  huggingFace: {
    names: {
      ...GATED_HUGGING_FACE_NAMES,
      places: {
        ...GATED_HUGGING_FACE_NAMES.places,
        mixerOutputNorm: { base: '{prefix}layers.{layer}.post_attention_layernorm' },
        mlpOutputNorm: { base: '{prefix}layers.{layer}.post_feedforward_layernorm' },
      },
    },
    readConfig: (fields, tensors) => gatedFromHuggingFace(fields, tensors, { ...TRAITS, ...biases(fields) }),
  },
  gguf: {
    names: GATED_GGUF_NAMES,
    readConfig: (fields, tensors) => gatedFromGguf(fields, tensors, TRAITS),
  },
}
