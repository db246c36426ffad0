import { HenceError } from '../core/index.ts'

/** Sampling rates that recordings have, with room to both sides. */
export const SAMPLE_RATES = { min: 100, max: 1_000_000 } as const

/** Zero crossings of the filter on each side. */
const CROSSINGS = 32
/** Share of the lower rate's band that passes; the rest is where the filter falls. */
const PASS_BAND = 0.945
/** Shape of the window over the filter: what lies beyond the band is weaker by about 100 dB. */
const KAISER_BETA = 10
/** Filters for places between samples; between these in turn they are interpolated. */
const MOST_PHASES = 512

/**
 * Sound at another sampling rate, wherever it is asked for. Every sample is a sum over the ones around it, weighed by a low
 * pass that lets nothing through which the lower rate cannot hold. Source: Smith, Digital Audio Resampling Home Page (2002).
 */
export class ResampledAudio {
  readonly sampleRate: number
  /** Samples at the new rate. */
  readonly length: number
  readonly #samples: Float32Array
  /** Samples of the old rate from one of the new rate to the next. */
  readonly #step: number
  readonly #phases: number
  readonly #taps: number
  /** A filter per phase and one more, `[phases + 1, taps]`. */
  readonly #filters: Float64Array

  /** @throws HenceError `FORMAT_UNSUPPORTED` for a rate outside {@link SAMPLE_RATES} */
  constructor(samples: Float32Array, from: number, to: number) {
    if (!(from >= SAMPLE_RATES.min && from <= SAMPLE_RATES.max))
      throw new HenceError(
        'FORMAT_UNSUPPORTED',
        `sound of ${from} samples a second; Hence takes ${SAMPLE_RATES.min} to ${SAMPLE_RATES.max}`,
        {
          sampleRate: from,
          hint: 'Convert the recording, for example with `ffmpeg -i INPUT -ar 16000 -ac 1 out.wav`.',
        },
      )
    this.sampleRate = to
    this.#samples = samples
    this.#step = from / to
    this.length = Math.ceil(samples.length / this.#step)
    const band = Math.min(1, to / from) * PASS_BAND
    const isWhole = Number.isInteger(this.#step)
    this.#phases = isWhole ? 1 : MOST_PHASES
    const reach = Math.ceil(CROSSINGS / band)
    this.#taps = 2 * reach
    this.#filters = new Float64Array((this.#phases + 1) * this.#taps)
    for (let phase = 0; phase <= this.#phases; phase++) {
      const taps = this.#filters.subarray(phase * this.#taps, (phase + 1) * this.#taps)
      for (let i = 0; i < this.#taps; i++) taps[i] = lowPass(i - (reach - 1) - phase / this.#phases, band)
      const sum = taps.reduce((a, b) => a + b, 0)
      for (let i = 0; i < this.#taps; i++) taps[i]! /= sum
    }
  }

  /** Samples `begin .. end` at the new rate; silence outside the recording. */
  range(begin: number, end: number): Float32Array {
    const samples = this.#samples
    if (this.#step === 1) {
      const whole = new Float32Array(end - begin)
      whole.set(samples.subarray(Math.min(begin, samples.length), Math.min(end, samples.length)))
      return whole
    }
    const [taps, filters] = [this.#taps, this.#filters]
    const result = new Float32Array(end - begin)
    for (let n = Math.max(0, begin); n < Math.min(end, this.length); n++) {
      const place = n * this.#step
      const whole = Math.floor(place)
      const phase = (place - whole) * this.#phases
      const lower = Math.floor(phase)
      const share = phase - lower
      const row = lower * taps
      const next = share > 0 ? row + taps : row
      const first = whole - (taps / 2 - 1)
      const from = Math.max(0, -first)
      const to = Math.min(taps, samples.length - first)
      let sum = 0
      for (let i = from; i < to; i++) sum += samples[first + i]! * (filters[row + i]! + share * (filters[next + i]! - filters[row + i]!))
      result[n - begin] = sum
    }
    return result
  }
}

/** The ideal low pass of `band` (1: all the old rate holds) at a distance in samples, faded to zero at its last crossing. */
function lowPass(distance: number, band: number): number {
  const t = distance * band
  if (Math.abs(t) >= CROSSINGS) return 0
  const sinc = t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t)
  return sinc * (bessel(KAISER_BETA * Math.sqrt(1 - (t / CROSSINGS) ** 2)) / bessel(KAISER_BETA))
}

/** The modified Bessel function of order 0, by its series. */
function bessel(x: number): number {
  let term = 1
  let sum = 1
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}
