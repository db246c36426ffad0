import { DECODER_LIMITS } from '../decoder-config.ts'
import type { Architecture } from './architecture.ts'
import { type GatedDecoderTraits, gatedFromGguf, gatedFromHuggingFace } from './gated-decoder.ts'
import { GATED_GGUF_NAMES } from './gated-names.ts'
import { GEMMA_NAMES, GEMMA_TRAITS, gemmaGgufSettings, gemmaSettings } from './gemma.ts'
import { slidingLayers } from './layer-windows.ts'
import { ggufWindow } from './llama.ts'

const DEFAULT_WINDOW = 4_096
const LAYERS_OF_27B = 46

const TRAITS: GatedDecoderTraits = { ...GEMMA_TRAITS, architecture: 'gemma2' }

/** Gemma 2: norms before and after everything, softcaps, a window in every other layer, the first among them. */
export const gemma2: Architecture = {
  name: 'gemma2',
  huggingFace: {
    names: GEMMA_NAMES,
    readConfig(fields, tensors) {
      const window = fields.integer('sliding_window', DECODER_LIMITS.window, DEFAULT_WINDOW)
      const isSliding = slidingLayers(fields, isEven)
      return gatedFromHuggingFace(fields, tensors, {
        ...TRAITS,
        ...gemmaSettings(fields),
        windowOf: layer => (isSliding(layer) ? window : null),
      })
    },
  },
  gguf: {
    names: GATED_GGUF_NAMES,
    readConfig(fields, tensors) {
      const window = ggufWindow(fields) ?? DEFAULT_WINDOW
      const settings = gemmaGgufSettings(fields, LAYERS_OF_27B)
      return gatedFromGguf(fields, tensors, { ...TRAITS, ...settings, windowOf: layer => (isEven(layer) ? window : null) })
    },
  },
}

function isEven(layer: number): boolean {
  return layer % 2 === 0
}
