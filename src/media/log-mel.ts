import { breathe, type FourierTransform, planFourierTransform } from '../core/index.ts'
import { type MelFilters, melFilters } from './mel-filters.ts'

/** How sound becomes a picture of its frequencies. */
export interface LogMelOptions {
  /** Bands; Whisper has 80 or 128. */
  readonly mels: number
  /** Samples per second. */
  readonly sampleRate: number
  /** Samples of one transform. */
  readonly window: number
  /** Samples from one transform to the next. */
  readonly hop: number
}

/** Power below which everything is silence. */
const LEAST_POWER = 1e-10
/** Powers of ten that are kept below the loudest. */
const RANGE = 8
/** Transforms between two turns of the event loop. */
const FRAMES_PER_TURN = 256

/**
 * Whisper's features of a stretch of sound: the power in each mel band, frame by frame, as logarithms to base 10, cut off 8
 * below the largest, then mapped by (x + 4) / 4. Frame f is centred on sample f · hop; the sound is mirrored at its ends.
 * Source: Radford et al. 2022 and the reference implementation's constants.
 */
export class LogMel {
  readonly options: LogMelOptions
  readonly #filters: MelFilters
  readonly #transform: FourierTransform
  readonly #hann: Float64Array
  readonly #re: Float64Array
  readonly #im: Float64Array
  /** Of one frame. */
  readonly #powers: Float64Array

  constructor(options: LogMelOptions) {
    const { mels, window, sampleRate } = options
    this.options = options
    this.#filters = melFilters(mels, (window >> 1) + 1, sampleRate)
    this.#transform = planFourierTransform(window, false)
    this.#hann = Float64Array.from({ length: window }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window))
    this.#re = new Float64Array(window)
    this.#im = new Float64Array(window)
    this.#powers = new Float64Array(this.#filters.bins)
  }

  /**
   * @param samples - what is missing to `frames · hop` is silence, what is beyond is left out
   * @returns `[frames, mels]`, one frame after the other
   */
  async features(samples: Float32Array, frames: number): Promise<Float32Array> {
    const { mels, hop, window } = this.options
    const length = frames * hop
    const sound = samples.length > length ? samples.subarray(0, length) : samples
    const features = new Float32Array(frames * mels).fill(Math.log10(LEAST_POWER))
    // Frames that end before the sound does; those after it are silent. Near the end the silence is what is mirrored.
    const heard = Math.min(frames, Math.floor((sound.length + (window >> 1)) / hop) + 1)
    let largest = Math.log10(LEAST_POWER)
    for (let frame = 0; frame < heard; frame += 2) {
      this.#cut(sound, length, frame, this.#re)
      if (frame + 1 < heard) this.#cut(sound, length, frame + 1, this.#im)
      else this.#im.fill(0)
      this.#transform(this.#re, this.#im)
      for (let part = 0; part < 2 && frame + part < heard; part++)
        largest = Math.max(largest, this.#gather(part as 0 | 1, features.subarray((frame + part) * mels, (frame + part + 1) * mels)))
      if (frame % FRAMES_PER_TURN === 0) await breathe()
    }
    const floor = largest - RANGE
    for (let i = 0; i < features.length; i++) features[i] = (Math.max(features[i]!, floor) + 4) / 4
    return features
  }

  /** The samples around a frame's centre, faded at both ends. */
  #cut(sound: Float32Array, length: number, frame: number, to: Float64Array): void {
    const { window, hop } = this.options
    const start = frame * hop - (window >> 1)
    for (let i = 0; i < window; i++) {
      let at = start + i
      if (at < 0) at = -at
      else if (at >= length) at = 2 * (length - 1) - at
      to[i] = at >= 0 && at < sound.length ? sound[at]! * this.#hann[i]! : 0
    }
  }

  /** Bands of one of the two frames that went through one transform, as real and imaginary part. Returns the largest. */
  #gather(part: 0 | 1, to: Float32Array): number {
    const { mels, bins, begins, ends, weights } = this.#filters
    const { window } = this.options
    const [re, im, powers] = [this.#re, this.#im, this.#powers]
    for (let k = 0; k < bins; k++) {
      const mirror = k === 0 ? 0 : window - k
      // The spectrum of the real part is the half that mirrors itself, that of the imaginary part the other.
      const x = part === 0 ? re[k]! + re[mirror]! : im[k]! + im[mirror]!
      const y = part === 0 ? im[k]! - im[mirror]! : re[mirror]! - re[k]!
      powers[k] = (x * x + y * y) / 4
    }
    let largest = -Infinity
    for (let mel = 0; mel < mels; mel++) {
      let power = 0
      for (let k = begins[mel]!; k < ends[mel]!; k++) power += weights[mel * bins + k]! * powers[k]!
      const value = Math.log10(Math.max(power, LEAST_POWER))
      to[mel] = value
      largest = Math.max(largest, value)
    }
    return largest
  }
}
