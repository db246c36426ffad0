import { DECODER_LIMITS } from '../decoder-config.ts'
import type { Architecture } from './architecture.ts'
import { gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_GGUF_NAMES, GATED_HUGGING_FACE_NAMES } from './gated-names.ts'
import { ggufLlamaTraits } from './llama.ts'

/** What configurations that say nothing mean; `null` means no window. Source: Mistral 7B's published configuration. */
const DEFAULT_WINDOW = 4_096

/** Mistral: Llama's block with a sliding window in every layer. Converted to GGUF it usually calls itself llama. */
export const mistral: Architecture = {
  name: 'mistral',
  huggingFace: {
    names: GATED_HUGGING_FACE_NAMES,
    readConfig(fields, tensors) {
      const window = fields.isNull('sliding_window') ? null : fields.integer('sliding_window', DECODER_LIMITS.window, DEFAULT_WINDOW)
      return gatedFromHuggingFace(fields, tensors, { ...LLAMA_TRAITS, architecture: 'mistral', windowOf: () => window })
    },
  },
  gguf: {
    names: GATED_GGUF_NAMES,
    readConfig: (fields, tensors) => gatedFromGguf(fields, tensors, ggufLlamaTraits('mistral', fields, tensors)),
  },
}
