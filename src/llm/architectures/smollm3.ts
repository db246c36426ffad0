import type { ConfigFields } from '../config-fields.ts'
import { DECODER_LIMITS } from '../decoder-config.ts'
import type { Architecture } from './architecture.ts'
import { gatedFromGguf, gatedFromHuggingFace, LLAMA_TRAITS } from './gated-decoder.ts'
import { GATED_GGUF_NAMES, GATED_HUGGING_FACE_NAMES } from './gated-names.ts'
import { optionalWindows } from './layer-windows.ts'
import { biases, ggufLlamaTraits } from './llama.ts'

/** Every so many layers one has no positions, where the file does not say. */
const DEFAULT_INTERVAL = 4

/** SmolLM3: Llama's block, in some layers without positions. */
export const smollm3: Architecture = {
  name: 'smollm3',
  huggingFace: {
    names: GATED_HUGGING_FACE_NAMES,
    readConfig: (fields, tensors) =>
      gatedFromHuggingFace(fields, tensors, {
        ...LLAMA_TRAITS,
        architecture: 'smollm3',
        ...biases(fields),
        windowOf: optionalWindows(fields),
        ropeOf: ropes(fields),
      }),
  },
  gguf: {
    names: GATED_GGUF_NAMES,
    readConfig: (fields, tensors) =>
      gatedFromGguf(fields, tensors, { ...ggufLlamaTraits('smollm3', fields, tensors), ropeOf: ropeBut(DEFAULT_INTERVAL) }),
  },
}

/** `no_rope_layers` is 1, despite its name, where a layer has positions. */
function ropes(fields: ConfigFields): (layer: number) => number | null {
  const interval = fields.integer('no_rope_layer_interval', DECODER_LIMITS.layers, DEFAULT_INTERVAL)
  if (!fields.has('no_rope_layers')) return ropeBut(interval)
  const flags = fields.numbers('no_rope_layers', { min: 0, max: 1 }, DECODER_LIMITS.layers.max)
  return layer => {
    const flag = flags[layer]
    if (flag === undefined) throw fields.invalid(`no_rope_layers has ${flags.length} entries, none for layer ${layer}`)
    return flag ? 0 : null
  }
}

function ropeBut(interval: number): (layer: number) => number | null {
  return layer => ((layer + 1) % interval === 0 ? null : 0)
}
