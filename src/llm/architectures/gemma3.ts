import type { ConfigFields } from '../config-fields.ts'
import { DECODER_LIMITS as LIMITS } from '../decoder-config.ts'
import type { Architecture } from './architecture.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace } from './gated-decoder.ts'
import { GATED_GGUF_NAMES } from './gated-names.ts'
import { GEMMA_NAMES, GEMMA_TRAITS, gemmaGgufSettings, gemmaSettings } from './gemma.ts'
import { slidingLayers } from './layer-windows.ts'
import { ggufWindow } from './llama.ts'

/** What files leave out, above all the text part of models that also see. Source: the configuration class's defaults. */
const DEFAULTS = {
  vocab_size: 262_208,
  hidden_size: 2_304,
  intermediate_size: 9_216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  tie_word_embeddings: true,
}
const DEFAULT_WINDOW = 4_096
/** Every so many layers one sees everything. */
const DEFAULT_PATTERN = 6
const LOCAL_ROPE_BASE = 10_000
const LAYERS_OF_27B = 62

const TRAITS: GatedDecoderTraits = { ...GEMMA_TRAITS, architecture: 'gemma3', queryKeyNorm: 'head' }

/** Gemma 3: Gemma 2 with norms of heads instead of softcaps, and other rotary positions in layers with a window. */
export const gemma3: Architecture = {
  name: 'gemma3',
  aliases: ['gemma3_text'],
  huggingFace: {
    names: GEMMA_NAMES,
    readConfig(root, tensors) {
      const fields = ropesAtTop((root.object('text_config') ?? root).withDefaults(DEFAULTS))
      const window = fields.integer('sliding_window', LIMITS.window, DEFAULT_WINDOW)
      const pattern = fields.integer('sliding_window_pattern', LIMITS.layers, DEFAULT_PATTERN)
      const isSliding = slidingLayers(fields, slidesBut(pattern))
      const base = fields.number('rope_local_base_freq', LIMITS.ropeBase, LOCAL_ROPE_BASE)
      return gatedFromHuggingFace(fields, tensors, { ...TRAITS, ...gemmaSettings(fields), ...local(isSliding, window, base) })
    },
  },
  gguf: {
    names: GATED_GGUF_NAMES,
    readConfig(fields, tensors) {
      const window = ggufWindow(fields)
      const pattern = fields.integer('attention.sliding_window_pattern', LIMITS.layers, DEFAULT_PATTERN)
      const base = fields.number('rope.freq_base_swa', LIMITS.ropeBase, LOCAL_ROPE_BASE)
      const settings = gemmaGgufSettings(fields, LAYERS_OF_27B)
      const defaults = fields.withDefaults({ 'rope.freq_base': DEFAULTS.rope_theta })
      return gatedFromGguf(defaults, tensors, {
        ...{ ...TRAITS, ...settings },
        ...(window === null ? {} : local(slidesBut(pattern), window, base)),
      })
    },
  },
}

function slidesBut(pattern: number): (layer: number) => boolean {
  return layer => (layer + 1) % pattern !== 0
}

/** Layers with a window have rotary positions of their own. */
function local(isSliding: (layer: number) => boolean, window: number, base: number): Partial<GatedDecoderTraits> {
  return {
    secondRopeBase: base,
    windowOf: layer => (isSliding(layer) ? window : null),
    ropeOf: layer => (isSliding(layer) ? 1 : 0),
  }
}

/** The newer spelling has an object for each kind of layer: the one for layers that see everything goes to the top. */
function ropesAtTop(fields: ConfigFields): ConfigFields {
  const nested = fields.object('rope_parameters')
  const [full, sliding] = [nested?.object('full_attention'), nested?.object('sliding_attention')]
  return fields.with({
    ...(full ? { rope_theta: full.raw('rope_theta') ?? DEFAULTS.rope_theta, rope_scaling: nested!.raw('full_attention') } : {}),
    ...(sliding ? { rope_local_base_freq: sliding.raw('rope_theta') ?? LOCAL_ROPE_BASE } : {}),
  })
}
