import { type TensorModel, throwIfAborted } from '../core/index.ts'
import { abortSignal, checkOptions, number, type OptionRule } from './check-options.ts'
import { type MonoAudio, readAudio } from './read-audio.ts'
import { speechSegments } from './speech-segments.ts'
import { VoiceDetector } from './voice-detector.ts'

/** Options of {@link detectVoice}. */
export interface DetectVoiceOptions {
  /** Probability from which a piece counts as speech; it ends 0.15 below. Default 0.5. */
  readonly threshold?: number | undefined
  /** Shorter speech is left out. Default 250. */
  readonly minSpeechMs?: number | undefined
  /** Shorter pauses do not end a segment. Default 100. */
  readonly minSilenceMs?: number | undefined
  /** Added on both sides of a segment. Default 30. */
  readonly paddingMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A stretch of speech, in seconds from the beginning. */
export interface SpeechSegment {
  readonly start: number
  readonly end: number
}

/** What {@link detectVoice} finds. */
export interface VoiceActivity {
  readonly segments: readonly SpeechSegment[]
  /** The probability of speech in each piece. */
  readonly probabilities: Float32Array
  /** Length of a piece. */
  readonly pieceSeconds: number
  /** Length of the recording. */
  readonly seconds: number
}

const RULES: Readonly<Record<string, OptionRule>> = {
  threshold: number(0, 1),
  minSpeechMs: number(0, 1e7),
  minSilenceMs: number(0, 1e7),
  paddingMs: number(0, 1e5),
  signal: abortSignal,
}

/**
 * Finds speech in a recording with a Silero model, piece by piece. For sound that is still being made use
 * {@link VoiceDetector}.
 *
 * @param audio - a path or URL of a WAV file, its bytes, or samples; 8 or 16 kHz, several channels are averaged
 * @throws HenceError `OPTION_INVALID` (another model, another sampling rate), about the file, `ABORTED`, `DISPOSED`
 * @example
 * ```ts
 * import { detectVoice, load } from 'hence'
 * const model = await load('silero_vad.onnx')
 * const { segments } = await detectVoice(model, 'speech.wav')
 * for (const { start, end } of segments) console.log(`${start.toFixed(2)} s to ${end.toFixed(2)} s`)
 * ```
 */
export async function detectVoice(
  model: TensorModel,
  audio: string | URL | Uint8Array | MonoAudio,
  options: DetectVoiceOptions = {},
): Promise<VoiceActivity> {
  checkOptions('detectVoice', options, RULES)
  const { signal, threshold = 0.5, minSpeechMs = 250, minSilenceMs = 100, paddingMs = 30 } = options
  throwIfAborted(signal)
  const { sampleRate, samples } = await readAudio(audio, signal)
  const detector = new VoiceDetector(model, sampleRate)
  const probabilities = await detector.push(samples, { signal })
  const last = await detector.finish({ signal })
  const all = last === undefined ? probabilities : Float32Array.from([...probabilities, last])
  return {
    segments: speechSegments(
      all,
      { length: samples.length, piece: detector.pieceSamples, sampleRate },
      { threshold, minSpeechMs, minSilenceMs, paddingMs },
    ),
    probabilities: all,
    pieceSeconds: detector.pieceSamples / sampleRate,
    seconds: samples.length / sampleRate,
  }
}
