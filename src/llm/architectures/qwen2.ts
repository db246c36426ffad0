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

const TRAITS: GatedDecoderTraits = {
  architecture: 'qwen2',
  ropeStyle: 'half',
  hasQkvBias: true,
  hasOutputBias: false,
  hasMlpBias: false,
  windowOf: () => null,
}

/** Qwen 2 and 2.5: Llama's block with biases on queries, keys and values. */
export const qwen2: Architecture = {
  name: 'qwen2',
  huggingFace: {
    names: GATED_HUGGING_FACE_NAMES,
    readConfig: (fields, tensors) => gatedFromHuggingFace(fields, tensors, { ...TRAITS, windowOf: windows(fields) }),
  },
  gguf: {
    names: GATED_GGUF_NAMES,
    readConfig: (fields, tensors) => gatedFromGguf(fields, tensors, TRAITS),
  },
}

/** The layers with a window: those `layer_types` names, else those from `max_window_layers` on. */
function windows(fields: ConfigFields): (layer: number) => number | null {
  if (!fields.boolean('use_sliding_window', false) || !fields.has('sliding_window')) return () => null
  const window = fields.integer('sliding_window', DECODER_LIMITS.window)
  const types = fields.raw('layer_types')
  if (Array.isArray(types)) return layer => (types[layer] === 'sliding_attention' ? window : null)
  const first = fields.integer('max_window_layers', { min: 0, max: DECODER_LIMITS.layers.max }, 28)
  return layer => (layer >= first ? window : null)
}
