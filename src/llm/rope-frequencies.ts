import type { ConfigFields } from './config-fields.ts'
import { DECODER_LIMITS } from './decoder-config.ts'

const { fround } = Math

type Frequencies = Float32Array<ArrayBuffer>

/** `base^(−2i / dims)` for each pair of `dims` numbers, rounded to f32 at every step as models were trained. */
export function ropeFrequencies(dims: number, base: number): Frequencies {
  return Float32Array.from({ length: dims / 2 }, (_, i) => 1 / fround(base ** fround((2 * i) / dims)))
}

/** Frequencies stretched as a Hugging Face `rope_scaling` object says; `context` is the model's own. */
export function scaledRopeFrequencies(frequencies: Frequencies, scaling: ConfigFields | undefined, context: number): Frequencies {
  return scaling ? scaling.choice('rope_type', SCALINGS, 'default')(frequencies, scaling, context) : frequencies
}

/** Frequencies of positions closer together by `factor`. */
export function linearRopeFrequencies(frequencies: Frequencies, factor: number): Frequencies {
  return frequencies.map(frequency => frequency / factor)
}

type Scaling = (frequencies: Frequencies, scaling: ConfigFields, context: number) => Frequencies

const SCALINGS: Readonly<Record<string, Scaling>> = {
  default: frequencies => frequencies,
  linear: (frequencies, scaling) => linearRopeFrequencies(frequencies, scaling.number('factor', DECODER_LIMITS.ropeFactor)),
  llama3,
}

/**
 * Slow turns are stretched by `factor`, fast ones kept, those between blended.
 * Source: the `llama3` rope type of Llama 3.1's published configuration.
 */
function llama3(frequencies: Frequencies, scaling: ConfigFields, context: number): Frequencies {
  const factor = scaling.number('factor', DECODER_LIMITS.ropeFactor)
  const low = scaling.number('low_freq_factor', DECODER_LIMITS.ropeFactor, 1)
  const high = scaling.number('high_freq_factor', DECODER_LIMITS.ropeFactor, 4)
  const original = scaling.integer('original_max_position_embeddings', DECODER_LIMITS.context, context)
  if (high <= low) throw scaling.invalid(`high_freq_factor ${high} must be more than low_freq_factor ${low}`, { low, high })
  return frequencies.map(frequency => {
    const wavelength = fround(fround(2 * Math.PI) / frequency)
    if (wavelength < original / high) return frequency
    const stretched = fround(frequency / factor)
    if (wavelength > original / low) return stretched
    const blend = fround(fround(fround(original / wavelength) - low) / (high - low))
    return fround(fround(1 - blend) * stretched) + fround(blend * frequency)
  })
}
