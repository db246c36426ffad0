/** Triangles `[mels, bins]` that gather a spectrum's bins into bands, most of it zeros. */
export interface MelFilters {
  readonly mels: number
  readonly bins: number
  /** First bin of each band that counts, and one past its last. */
  readonly begins: Int32Array
  readonly ends: Int32Array
  /** Row-major. */
  readonly weights: Float64Array
}

/**
 * Bands evenly spaced on Slaney's mel scale from 0 Hz to half the sampling rate, each of the same area. The scale is linear
 * up to 1 kHz and logarithmic above. Source: Slaney 1998 (Auditory Toolbox).
 *
 * @param bins - of a spectrum from 0 Hz to half the sampling rate
 */
export function melFilters(mels: number, bins: number, sampleRate: number): MelFilters {
  const top = melOf(sampleRate / 2)
  const edges = Float64Array.from({ length: mels + 2 }, (_, i) => hertzOf((top * i) / (mels + 1)))
  const binWidth = sampleRate / 2 / (bins - 1)
  const weights = new Float64Array(mels * bins)
  const begins = new Int32Array(mels)
  const ends = new Int32Array(mels)
  for (let mel = 0; mel < mels; mel++) {
    const [low, center, high] = [edges[mel]!, edges[mel + 1]!, edges[mel + 2]!]
    begins[mel] = bins
    for (let bin = 0; bin < bins; bin++) {
      const hertz = bin * binWidth
      const height = Math.min((hertz - low) / (center - low), (high - hertz) / (high - center))
      if (height <= 0) continue
      weights[mel * bins + bin] = (height * 2) / (high - low)
      begins[mel] = Math.min(begins[mel]!, bin)
      ends[mel] = bin + 1
    }
  }
  return { mels, bins, begins, ends, weights }
}

const LINEAR_HERTZ = 1_000
const HERTZ_PER_MEL = 200 / 3
const LINEAR_MELS = LINEAR_HERTZ / HERTZ_PER_MEL
/** Mels per natural logarithm of the frequency. */
const LOG_MELS = 27 / Math.log(6.4)

function melOf(hertz: number): number {
  return hertz < LINEAR_HERTZ ? hertz / HERTZ_PER_MEL : LINEAR_MELS + Math.log(hertz / LINEAR_HERTZ) * LOG_MELS
}

function hertzOf(mel: number): number {
  return mel < LINEAR_MELS ? mel * HERTZ_PER_MEL : LINEAR_HERTZ * Math.exp((mel - LINEAR_MELS) / LOG_MELS)
}
