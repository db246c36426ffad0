/** When a run of probabilities counts as speech. */
export interface SegmentRules {
  readonly threshold: number
  readonly minSpeechMs: number
  readonly minSilenceMs: number
  readonly paddingMs: number
}

/** A recording cut into pieces, all counted in samples. */
export interface Pieces {
  readonly length: number
  readonly piece: number
  readonly sampleRate: number
}

/** Speech that has begun ends only when the probability falls this far below the threshold. */
const HYSTERESIS = 0.15

/** Joins pieces that hold speech to segments, in seconds. */
export function speechSegments(
  probabilities: Float32Array,
  { length, piece, sampleRate }: Pieces,
  { threshold, minSpeechMs, minSilenceMs, paddingMs }: SegmentRules,
): { start: number; end: number }[] {
  const samplesOf = (ms: number): number => (ms * sampleRate) / 1_000
  const found: { start: number; end: number }[] = []
  const add = (start: number, end: number): void => {
    if (end - start > samplesOf(minSpeechMs)) found.push({ start, end })
  }
  let start = -1
  let pause = -1
  for (const [i, probability] of probabilities.entries()) {
    const at = i * piece
    if (probability >= threshold) {
      pause = -1
      if (start < 0) start = at
    } else if (start >= 0 && probability < threshold - HYSTERESIS) {
      if (pause < 0) pause = at
      if (at - pause < samplesOf(minSilenceMs)) continue
      add(start, pause)
      start = pause = -1
    }
  }
  if (start >= 0) add(start, length)
  const padding = samplesOf(paddingMs)
  return found.map(({ start, end }, i) => {
    // Neighbours share a gap that is too short for the padding of both.
    const before = i === 0 ? padding * 2 : start - found[i - 1]!.end
    const after = i === found.length - 1 ? padding * 2 : found[i + 1]!.start - end
    return {
      start: Math.max(0, start - Math.min(padding, before / 2)) / sampleRate,
      end: Math.min(length, end + Math.min(padding, after / 2)) / sampleRate,
    }
  })
}
