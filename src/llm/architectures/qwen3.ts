import type { Architecture } from './architecture.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_GGUF_NAMES, GATED_HUGGING_FACE_NAMES } from './gated-names.ts'
import { optionalWindows } from './layer-windows.ts'
import { biases } from './llama.ts'

const TRAITS: GatedDecoderTraits = { ...LLAMA_TRAITS, architecture: 'qwen3', queryKeyNorm: 'head' }

/** Qwen 3: Llama's block with a norm of each query and key head. */
export const qwen3: Architecture = {
  name: 'qwen3',
  huggingFace: {
    names: GATED_HUGGING_FACE_NAMES,
    readConfig: (fields, tensors) =>
      gatedFromHuggingFace(fields, tensors, { ...TRAITS, ...biases(fields), windowOf: optionalWindows(fields) }),
  },
  gguf: {
    names: GATED_GGUF_NAMES,
    readConfig: (fields, tensors) => gatedFromGguf(fields, tensors, TRAITS),
  },
}
