import { f16ToF32, HenceError } from '../core/index.ts'

/** Sound as numbers from −1 to 1. */
export interface Audio {
  /** Samples per second. */
  readonly sampleRate: number
  /** One array per channel, all of one length. */
  readonly channels: readonly Float32Array[]
}

const PCM = 1
const FLOAT = 3
const EXTENSIBLE = 0xfffe
const MAX_CHANNELS = 64

interface WavFormat {
  readonly kind: number
  readonly channels: number
  readonly sampleRate: number
  readonly bits: number
}

/**
 * Decodes a WAV file: integers of 8, 16, 24 and 32 bits, floats of 16, 32 and 64. Source: Microsoft's RIFF and WAVE
 * descriptions.
 *
 * @param name - how messages call the file
 * @throws HenceError `FILE_MALFORMED`, `FILE_TRUNCATED`, `FORMAT_UNSUPPORTED` (compressed sound), `FILE_LIMIT`
 */
export function decodeWav(bytes: Uint8Array, name = 'WAV file'): Audio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const tag = (at: number): string => Buffer.from(bytes.buffer, bytes.byteOffset + at, 4).toString('latin1')
  if (bytes.length < 12 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE')
    throw new HenceError('FILE_MALFORMED', `${name} does not begin as a WAV file does`, {
      name,
      hint: 'Convert the recording, for example with `ffmpeg -i INPUT -ar 16000 -ac 1 out.wav`.',
    })
  let format: WavFormat | undefined
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = tag(at)
    const size = view.getUint32(at + 4, true)
    const start = at + 8
    if (id === 'fmt ') format = readFormat(view, start, size, name)
    if (id === 'data') {
      if (!format) throw new HenceError('FILE_MALFORMED', `${name}: the sound comes before its format`, { name })
      // A recorder that was stopped leaves no size; then the sound goes to the end of the file.
      const length = size === 0xffffffff || size === 0 ? bytes.length - start : size
      if (start + length > bytes.length)
        throw new HenceError('FILE_TRUNCATED', `${name}: the sound takes ${length} bytes, ${bytes.length - start} are there`, {
          name,
          expected: length,
          got: bytes.length - start,
        })
      return { sampleRate: format.sampleRate, channels: readSamples(view, start, length, format, name) }
    }
    // Chunks begin at even offsets.
    at = start + size + (size & 1)
  }
  throw new HenceError('FILE_MALFORMED', `${name} has no chunk with sound`, { name })
}

function readFormat(view: DataView, at: number, size: number, name: string): WavFormat {
  if (size < 16 || at + size > view.byteLength) throw new HenceError('FILE_MALFORMED', `${name}: a format of ${size} bytes`, { name, size })
  const stated = view.getUint16(at, true)
  const kind = stated === EXTENSIBLE && size >= 26 ? view.getUint16(at + 24, true) : stated
  const [channels, sampleRate, bits] = [view.getUint16(at + 2, true), view.getUint32(at + 4, true), view.getUint16(at + 14, true)]
  if (channels === 0 || channels > MAX_CHANNELS)
    throw new HenceError('FILE_LIMIT', `${name}: ${channels} channels; Hence takes 1 to ${MAX_CHANNELS}`, { name, channels })
  if (sampleRate === 0) throw new HenceError('FILE_MALFORMED', `${name}: a sampling rate of 0`, { name })
  return { kind, channels, sampleRate, bits }
}

const READERS: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  [`${PCM}/8`]: (view, at) => (view.getUint8(at) - 128) / 128,
  [`${PCM}/16`]: (view, at) => view.getInt16(at, true) / 32_768,
  [`${PCM}/24`]: (view, at) => ((view.getUint8(at + 2) << 24) | (view.getUint16(at, true) << 8)) / 2 ** 31,
  [`${PCM}/32`]: (view, at) => view.getInt32(at, true) / 2 ** 31,
  [`${FLOAT}/16`]: (view, at) => f16ToF32(view.getUint16(at, true)),
  [`${FLOAT}/32`]: (view, at) => view.getFloat32(at, true),
  [`${FLOAT}/64`]: (view, at) => view.getFloat64(at, true),
}

function readSamples(view: DataView, start: number, length: number, format: WavFormat, name: string): Float32Array[] {
  const { kind, bits, channels } = format
  const read = READERS[`${kind}/${bits}`]
  if (!read)
    throw new HenceError('FORMAT_UNSUPPORTED', `${name}: sound of kind ${kind} with ${bits} bits is not read`, {
      name,
      kind,
      bits,
      hint: 'Convert it to 16-bit PCM, for example with `ffmpeg -i INPUT -c:a pcm_s16le out.wav`.',
    })
  const width = bits / 8
  const count = Math.floor(length / (width * channels))
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(count)
    for (let i = 0, at = start + channel * width; i < count; i++, at += width * channels) samples[i] = read(view, at)
    return samples
  })
}

/** The mean of all channels. */
export function toMono({ channels }: Audio): Float32Array {
  const [first, ...others] = channels
  if (!first || others.length === 0) return first ?? new Float32Array(0)
  return Float32Array.from(first, (value, i) => others.reduce((sum, channel) => sum + channel[i]!, value) / channels.length)
}
