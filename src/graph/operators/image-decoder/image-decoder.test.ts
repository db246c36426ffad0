import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failureOf, runOperator, text, typed } from '../../../../test/operator-call.ts'
import type { GraphTensor } from '../../operator.ts'

// 11×9 pixels, progressive, colours at half the resolution; written and read back by Pillow.
const JPEG =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wgARCAAJAAsDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAwL/xAAVAQEBAAAAAAAAAAAAAAAAAAAAAv/aAAwDAQACEAMQAAABNLaX/8QAGBAAAgMAAAAAAAAAAAAAAAAAAAECEBL/2gAIAQEAAQUCUTAq/8QAFhEBAQEAAAAAAAAAAAAAAAAAAgAB/9oACAEDAQE/AQ9v/8QAFhEAAwAAAAAAAAAAAAAAAAAAAAEh/9oACAECAQE/AVT/xAAUEAEAAAAAAAAAAAAAAAAAAAAg/9oACAEBAAY/Ah//xAAUEAEAAAAAAAAAAAAAAAAAAAAg/9oACAEBAAE/IQv/2gAMAwEAAgADAAAAEHP/xAAVEQEBAAAAAAAAAAAAAAAAAAAAEf/aAAgBAwEBPxCB/8QAFREBAQAAAAAAAAAAAAAAAAAAIQD/2gAIAQIBAT8QJv/EABkQAAIDAQAAAAAAAAAAAAAAAAABECExYf/aAAgBAQABPxDmKmQWI//Z'
const FIFTH_ROW = [
  29, 108, 0, 36, 108, 6, 53, 109, 18, 73, 111, 36, 98, 111, 55, 123, 111, 73, 146, 108, 89, 163, 102, 97, 190, 108, 114, 203, 105, 118,
  217, 106, 122,
]

const jpeg = Uint8Array.from(atob(JPEG), character => character.charCodeAt(0))

const decode = async (bytes: Uint8Array, order = 'RGB'): Promise<GraphTensor> =>
  (await runOperator('ImageDecoder', [typed('u8', [bytes.length], bytes)], { attributes: { pixel_format: text(order) } }))[0]!

/** A PNG of one colour type; checksums are not looked at. */
function png(
  width: number,
  height: number,
  depth: number,
  colour: number,
  rows: readonly (readonly number[])[],
  palette: readonly number[] = [],
): Uint8Array {
  const chunk = (type: string, body: ArrayLike<number>): number[] => [
    ...new Uint8Array(Uint32Array.of(body.length).buffer).reverse(),
    ...[...type].map(letter => letter.charCodeAt(0)),
    ...Array.from(body),
    0,
    0,
    0,
    0,
  ]
  const header = [0, 0, 0, width, 0, 0, 0, height, depth, colour, 0, 0, 0]
  const data = deflateSync(Uint8Array.from(rows.flat()))
  return Uint8Array.from([
    0x89,
    0x50,
    0x4e,
    0x47,
    13,
    10,
    26,
    10,
    ...chunk('IHDR', header),
    ...chunk('PLTE', palette),
    ...chunk('IDAT', data),
    ...chunk('IEND', []),
  ])
}

const gradient = png(3, 2, 8, 2, [
  [1, 10, 20, 30, 1, 1, 1, 1, 1, 1],
  [2, 5, 5, 5, 5, 5, 5, 5, 5, 5],
])
const netpbm = Uint8Array.from([...'P3 # two\n2 1\n9\n0 3 9  9 9 0\n'].map(letter => letter.charCodeAt(0)))

describe('ImageDecoder', () => {
  it('reads JPEG to the bit', async () => {
    const picture = await decode(jpeg)
    expect(picture.shape).toEqual([9, 11, 3])
    expect([...(picture.data as Uint8Array).subarray(4 * 33, 5 * 33)]).toEqual(FIFTH_ROW)
  })

  it('reads PNG with its filters, depths and palettes', async () => {
    expect([...((await decode(gradient)).data as Uint8Array)]).toEqual([
      10, 20, 30, 11, 21, 31, 12, 22, 32, 15, 25, 35, 16, 26, 36, 17, 27, 37,
    ])
    expect([...((await decode(png(4, 1, 1, 3, [[0, 0b01100000]], [1, 2, 3, 4, 5, 6]))).data as Uint8Array)]).toEqual([
      1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3,
    ])
    expect([...((await decode(png(2, 1, 4, 0, [[0, 0x5f]]))).data as Uint8Array)]).toEqual([85, 85, 85, 255, 255, 255])
  })

  it('orders channels as asked', async () => {
    expect([...((await decode(netpbm)).data as Uint8Array)]).toEqual([0, 85, 255, 255, 255, 0])
    expect([...((await decode(netpbm, 'BGR')).data as Uint8Array)]).toEqual([255, 85, 0, 0, 255, 255])
    expect((await decode(netpbm, 'Grayscale')).shape).toEqual([1, 2, 1])
  })

  it('gives an empty picture for what is none', async () => {
    expect((await decode(new Uint8Array(0))).shape).toEqual([0, 0, 3])
    expect((await decode(Uint8Array.of(1, 2, 3), 'Grayscale')).shape).toEqual([0, 0, 1])
  })

  it('survives damage', async () => {
    const files = [jpeg, gradient, netpbm]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        async (file, cut, flips) => {
          const bytes = file.slice(0, file.length - (cut % file.length))
          for (const [at, value] of flips) bytes[at % bytes.length] = value
          const failure = await failureOf(() => decode(bytes))
          expect([undefined, 'OPERATOR_UNSUPPORTED']).toContain(failure)
        },
      ),
      { numRuns: 300 },
    )
  })
})
