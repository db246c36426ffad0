import { DECODER_LIMITS } from '../decoder-config.ts'
import type { DecoderNames, DecoderPlace, DecoderRole } from '../decoder-roles.ts'
import type { Architecture } from './architecture.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_GGUF_NAMES, GATED_HUGGING_FACE_NAMES } from './gated-names.ts'
import { ggufWindow } from './llama.ts'

const TRAITS: GatedDecoderTraits = { ...LLAMA_TRAITS, architecture: 'phi3' }
const QKV: readonly DecoderRole[] = ['q', 'k', 'v']
const GATE_UP: readonly DecoderRole[] = ['gate', 'up']

/** Phi-3 and Phi-4: Llama's block with fused projections, some with LongRoPE. */
export const phi3: Architecture = {
  name: 'phi3',
  huggingFace: {
    names: fused(GATED_HUGGING_FACE_NAMES, '{prefix}layers.{layer}.self_attn.qkv_proj', '{prefix}layers.{layer}.mlp.gate_up_proj'),
    readConfig(fields, tensors) {
      const window = fields.has('sliding_window') ? fields.integer('sliding_window', DECODER_LIMITS.window) : null
      return gatedFromHuggingFace(fields, tensors, { ...TRAITS, windowOf: () => window })
    },
  },
  gguf: {
    names: fused(GATED_GGUF_NAMES, 'blk.{layer}.attn_qkv', 'blk.{layer}.ffn_up'),
    readConfig: (fields, tensors) => gatedFromGguf(fields, tensors, { ...TRAITS, windowOf: () => ggufWindow(fields) }),
  },
}

function fused(names: DecoderNames, qkv: string, gateUp: string): DecoderNames {
  const parts: DecoderPlace = { base: qkv, fused: QKV }
  const halves: DecoderPlace = { base: gateUp, fused: GATE_UP }
  return { ...names, places: { ...names.places, q: parts, k: parts, v: parts, gate: halves, up: halves } }
}
