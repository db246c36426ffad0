import type { Architecture } from './architecture.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_GGUF_NAMES, GATED_HUGGING_FACE_NAMES } from './gated-names.ts'
import { optionalWindows } from './layer-windows.ts'

const TRAITS: GatedDecoderTraits = { ...LLAMA_TRAITS, architecture: 'qwen2', hasQkvBias: true }

/** Qwen 2 and 2.5: Llama's block with biases on queries, keys and values. */
export const qwen2: Architecture = {
  name: 'qwen2',
  huggingFace: {
    names: GATED_HUGGING_FACE_NAMES,
    readConfig: (fields, tensors) => gatedFromHuggingFace(fields, tensors, { ...TRAITS, windowOf: optionalWindows(fields) }),
  },
  gguf: {
    names: GATED_GGUF_NAMES,
    readConfig: (fields, tensors) => gatedFromGguf(fields, tensors, TRAITS),
  },
}
