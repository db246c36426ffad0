import { fileURLToPath } from 'node:url'
import { readSmallFile } from '../formats/index.ts'
import { decodeWav, toMono } from '../media/index.ts'

/** Sound of one channel, from −1 to 1. */
export interface MonoAudio {
  /** Samples per second. */
  readonly sampleRate: number
  readonly samples: Float32Array
}

const MAX_FILE_BYTES = 2 ** 31

/** Sound from a path or URL of a WAV file, its bytes, or samples; several channels are averaged. @throws HenceError about the file */
export async function readAudio(audio: string | URL | Uint8Array | MonoAudio, signal: AbortSignal | undefined): Promise<MonoAudio> {
  if (typeof audio === 'object' && 'samples' in audio) return audio
  const isBytes = audio instanceof Uint8Array
  const path = isBytes ? 'the recording' : audio instanceof URL || audio.startsWith('file://') ? fileURLToPath(audio) : audio
  const decoded = decodeWav(isBytes ? audio : await readSmallFile(path, MAX_FILE_BYTES, signal), path)
  return { sampleRate: decoded.sampleRate, samples: toMono(decoded) }
}
