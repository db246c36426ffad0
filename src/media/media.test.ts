import { describe, expect, test } from 'vitest'
import { cropImage, decodeWav, exifOrientation, type PixelImage, parseCsv, resizeImage, toMono, toRgb, turnImage } from './index.ts'

function gray(width: number, height: number, data: readonly number[]): PixelImage {
  return { width, height, channels: 1, data: Uint8Array.from(data) }
}

describe('pictures', () => {
  test('all orientations of Exif, of which four exchange the sides', () => {
    const image = gray(3, 2, [1, 2, 3, 4, 5, 6])
    const expected: readonly (readonly number[])[] = [
      [1, 2, 3, 4, 5, 6],
      [3, 2, 1, 6, 5, 4],
      [6, 5, 4, 3, 2, 1],
      [4, 5, 6, 1, 2, 3],
      [1, 4, 2, 5, 3, 6],
      [4, 1, 5, 2, 6, 3],
      [6, 3, 5, 2, 4, 1],
      [3, 6, 2, 5, 1, 4],
    ]
    for (const [i, data] of expected.entries()) {
      const turned = turnImage(image, i + 1)
      expect([turned.width, [...turned.data]]).toEqual([i < 4 ? 3 : 2, data])
    }
  })

  test('the orientation a JPEG states, in both orders of bytes', () => {
    const little = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]
    const big = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0]
    const jpeg = (tiff: readonly number[]): Uint8Array =>
      Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, 0, tiff.length + 8, ...Buffer.from('Exif\0\0'), ...tiff, 0xff, 0xda, 0, 2])
    expect([exifOrientation(jpeg(little)), exifOrientation(jpeg(big))]).toEqual([6, 8])
    for (let length = 0; length < 40; length++) expect(exifOrientation(jpeg(little).subarray(0, length))).toBeGreaterThanOrEqual(1)
  })

  test('what lies outside a crop is black', () => {
    expect([...cropImage(gray(2, 2, [1, 2, 3, 4]), -1, 1, 3, 2).data]).toEqual([0, 3, 4, 0, 0, 0])
    expect([...cropImage(gray(4, 1, [1, 2, 3, 4]), 1, 0, 2, 1).data]).toEqual([2, 3])
  })

  test('sizes that contradict the data are refused', () => {
    expect(() => toRgb(gray(2, 2, [1]))).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect([...toRgb(gray(1, 2, [7, 8])).data]).toEqual([7, 7, 7, 8, 8, 8])
  })

  test('resizing, worked out by hand from the filters', async () => {
    const ramp = gray(4, 1, [0, 80, 160, 240])
    expect([...(await resizeImage(ramp, 2, 1, 'box')).data]).toEqual([40, 200])
    expect([...(await resizeImage(ramp, 2, 1, 'nearest')).data]).toEqual([80, 240])
    expect([...(await resizeImage(ramp, 8, 1, 'bilinear')).data]).toEqual([0, 20, 60, 100, 140, 180, 220, 240])
    const flat = gray(5, 3, new Array(15).fill(77))
    for (const filter of ['box', 'bilinear', 'hamming', 'bicubic', 'lanczos', 'nearest'] as const)
      expect([...new Set((await resizeImage(flat, 3, 7, filter)).data)]).toEqual([77])
  })
})

describe('WAV', () => {
  /** A file with a chunk nobody knows before the sound. */
  function wav(kind: number, bits: number, channels: number, data: Uint8Array): Uint8Array {
    const format = Buffer.alloc(16)
    format.writeUInt16LE(kind, 0)
    format.writeUInt16LE(channels, 2)
    format.writeUInt32LE(16_000, 4)
    format.writeUInt16LE(bits, 14)
    const chunk = (id: string, content: Uint8Array): Buffer => {
      const size = Buffer.alloc(4)
      size.writeUInt32LE(content.length)
      return Buffer.concat([Buffer.from(id), size, content, Buffer.alloc(content.length % 2)])
    }
    return Buffer.concat([
      Buffer.from('RIFF\0\0\0\0WAVE'),
      chunk('fmt ', format),
      chunk('odd ', Uint8Array.of(1, 2, 3)),
      chunk('data', data),
    ])
  }

  test.each([
    [1, 8, Uint8Array.of(0, 128, 192)],
    [1, 16, new Uint8Array(Int16Array.of(-32_768, 0, 16_384).buffer)],
    [1, 24, Uint8Array.of(0, 0, 0x80, 0, 0, 0, 0, 0, 0x40)],
    [1, 32, new Uint8Array(Int32Array.of(-(2 ** 31), 0, 2 ** 30).buffer)],
    [3, 16, new Uint8Array(Uint16Array.of(0xbc00, 0, 0x3800).buffer)],
    [3, 32, new Uint8Array(Float32Array.of(-1, 0, 0.5).buffer)],
    [3, 64, new Uint8Array(Float64Array.of(-1, 0, 0.5).buffer)],
  ])('kind %i of %i bits', (kind, bits, data) => {
    const { sampleRate, channels } = decodeWav(wav(kind, bits, 1, data))
    expect([sampleRate, [...channels[0]!]]).toEqual([16_000, [-1, 0, 0.5]])
  })

  test('channels are averaged', () => {
    const audio = decodeWav(wav(3, 32, 2, new Uint8Array(Float32Array.of(1, 0, 0.5, 0.25).buffer)))
    expect([...toMono(audio)]).toEqual([0.5, 0.375])
  })

  test('damage is told', () => {
    const whole = wav(1, 16, 1, new Uint8Array(8))
    for (let length = 0; length < whole.length; length++)
      expect(() => decodeWav(whole.subarray(0, length))).toThrow(expect.objectContaining({ name: 'HenceError' }))
    expect(() => decodeWav(wav(85, 0, 2, new Uint8Array(8)))).toThrow(expect.objectContaining({ code: 'FORMAT_UNSUPPORTED' }))
    expect(() => decodeWav(wav(1, 16, 0, new Uint8Array(8)))).toThrow(expect.objectContaining({ code: 'FILE_LIMIT' }))
  })
})

describe('CSV', () => {
  test('quotes, line breaks, empty lines, a byte-order mark', () => {
    expect(parseCsv('\ufeffa, b ,c\r\n"1,""x""\ny",2,\n\n')).toEqual([
      ['a', 'b', 'c'],
      ['1,"x"\ny', '2', ''],
    ])
    expect(parseCsv('a\tb', 'x', '\t')).toEqual([['a', 'b']])
    expect(parseCsv('')).toEqual([])
  })

  test.each(['a,b\n1', '"a', '"a"b,c'])('%j is refused', text => {
    expect(() => parseCsv(text)).toThrow(expect.objectContaining({ code: 'FILE_MALFORMED' }))
  })
})
