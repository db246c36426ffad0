/** A WAV file of 16-bit samples. */
export function wavFile({ sampleRate, channels }: { readonly sampleRate: number; readonly channels: readonly Float32Array[] }): Uint8Array {
  const count = channels[0]!.length * channels.length
  const file = Buffer.alloc(44 + 2 * count)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(36 + 2 * count, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(channels.length, 22)
  file.writeUInt32LE(sampleRate, 24)
  file.writeUInt32LE(2 * channels.length * sampleRate, 28)
  file.writeUInt16LE(2 * channels.length, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(2 * count, 40)
  for (let i = 0; i < count; i++) {
    const sample = channels[i % channels.length]![Math.floor(i / channels.length)]!
    file.writeInt16LE(Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768))), 44 + 2 * i)
  }
  return file
}
