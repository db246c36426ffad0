import { describe, expect, test } from 'vitest'
import { tensorProto } from '../../../test/onnx-writer.ts'
import { bytes, double, float, int, packedInts, raw, varint } from '../../../test/protobuf-writer.ts'
import { type ElementType, f32ToBf16, f32ToF16 } from '../../core/index.ts'
import { decodeTensor } from './decode-onnx.ts'
import { onnxElementCode, onnxElementType } from './element-types.ts'

/** A tensor with the given dims and data fields. */
function proto(dtype: ElementType, shape: readonly number[], ...data: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([...shape.map(size => int(1, size)), int(2, onnxElementCode(dtype)), bytes(8, 't'), ...data])
}

const half = f32ToF16(1.5)
const brain = f32ToBf16(-2)

const RAW: readonly (readonly [ElementType, ArrayBufferView, readonly unknown[]])[] = [
  ['f32', Float32Array.of(1, -2.5, 3), [1, -2.5, 3]],
  ['u8', Uint8Array.of(0, 255, 7), [0, 255, 7]],
  ['i8', Int8Array.of(-128, 127, 0), [-128, 127, 0]],
  ['u16', Uint16Array.of(65535, 1, 2), [65535, 1, 2]],
  ['i16', Int16Array.of(-32768, 1, 2), [-32768, 1, 2]],
  ['i32', Int32Array.of(-(2 ** 31), 1, 2), [-(2 ** 31), 1, 2]],
  ['i64', BigInt64Array.of(-(2n ** 63n), 1n, 2n), [-(2n ** 63n), 1n, 2n]],
  ['bool', Uint8Array.of(0, 1, 1), [0, 1, 1]],
  ['f16', Uint16Array.of(half, 0, 1), [half, 0, 1]],
  ['f64', Float64Array.of(1e300, 1, 2), [1e300, 1, 2]],
  ['u32', Uint32Array.of(2 ** 32 - 1, 1, 2), [2 ** 32 - 1, 1, 2]],
  ['u64', BigUint64Array.of(2n ** 64n - 1n, 1n, 2n), [2n ** 64n - 1n, 1n, 2n]],
  ['c64', Float32Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3, 4, 5, 6]],
  ['c128', Float64Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3, 4, 5, 6]],
  ['bf16', Uint16Array.of(brain, 0, 1), [brain, 0, 1]],
  ['f8e4m3fn', Uint8Array.of(0x7f, 0x80, 1), [0x7f, 0x80, 1]],
  ['f8e4m3fnuz', Uint8Array.of(0x7f, 0x80, 1), [0x7f, 0x80, 1]],
  ['f8e5m2', Uint8Array.of(0x7f, 0x80, 1), [0x7f, 0x80, 1]],
  ['f8e5m2fnuz', Uint8Array.of(0x7f, 0x80, 1), [0x7f, 0x80, 1]],
  ['f8e8m0', Uint8Array.of(0x7f, 0xff, 1), [0x7f, 0xff, 1]],
  ['u4', Uint8Array.of(0xf1, 0x08), [1, 15, 8]],
  ['i4', Uint8Array.of(0xf1, 0x08), [1, -1, -8]],
  ['f4e2m1', Uint8Array.of(0xf1, 0x08), [1, 15, 8]],
  ['u2', Uint8Array.of(0b00_10_11_01), [1, 3, 2]],
  ['i2', Uint8Array.of(0b00_10_11_01), [1, -1, -2]],
]

/** The same elements in the field of their type, as numbers of the file. */
const TYPED: readonly (readonly [ElementType, Uint8Array, readonly unknown[]])[] = [
  ['f32', raw(4, Float32Array.of(1, -2.5, 3)), [1, -2.5, 3]],
  ['u8', packedInts(5, [0, 255, 7]), [0, 255, 7]],
  ['i8', packedInts(5, [-128, 127, 0]), [-128, 127, 0]],
  ['u16', packedInts(5, [65535, 1, 2]), [65535, 1, 2]],
  ['i16', packedInts(5, [-32768, 1, 2]), [-32768, 1, 2]],
  ['i32', packedInts(5, [-(2 ** 31), 1, 2]), [-(2 ** 31), 1, 2]],
  ['i64', packedInts(7, [-(2n ** 63n), 1, 2n ** 40n]), [-(2n ** 63n), 1n, 2n ** 40n]],
  ['bool', packedInts(5, [0, 1, 1]), [0, 1, 1]],
  ['f16', packedInts(5, [half, 0, 1]), [half, 0, 1]],
  ['bf16', packedInts(5, [brain, 0, 1]), [brain, 0, 1]],
  ['f64', raw(10, Float64Array.of(1e300, 1, 2)), [1e300, 1, 2]],
  ['u32', packedInts(11, [2 ** 32 - 1, 1, 2]), [2 ** 32 - 1, 1, 2]],
  ['u64', packedInts(11, [2n ** 64n - 1n, 1, 2]), [2n ** 64n - 1n, 1n, 2n]],
  ['c64', raw(4, Float32Array.of(1, 2, 3, 4, 5, 6)), [1, 2, 3, 4, 5, 6]],
  ['c128', raw(10, Float64Array.of(1, 2, 3, 4, 5, 6)), [1, 2, 3, 4, 5, 6]],
  ['f8e4m3fn', packedInts(5, [0x7f, 0x80, 1]), [0x7f, 0x80, 1]],
  ['u4', packedInts(5, [0xf1, 8]), [1, 15, 8]],
  ['i4', packedInts(5, [0xf1, 8]), [1, -1, -8]],
  ['i2', packedInts(5, [0b00_10_11_01]), [1, -1, -2]],
  ['string', Buffer.concat([bytes(6, 'a'), bytes(6, ''), bytes(6, 'ℏ')]), ['a', '', 'ℏ']],
]

describe('elements', () => {
  test.each(RAW)('raw %s', (dtype, data, expected) => {
    const tensor = decodeTensor(tensorProto({ name: 't', code: onnxElementCode(dtype), shape: [3], data }))
    expect(tensor).toMatchObject({ dtype, shape: [3] })
    expect(Array.from(tensor.data as ArrayLike<unknown>)).toEqual(expected)
  })

  test.each(TYPED)('%s in its own field', (dtype, data, expected) => {
    const tensor = decodeTensor(proto(dtype, [3, 1], data))
    expect(tensor).toMatchObject({ dtype, shape: [3, 1] })
    expect(Array.from(tensor.data as ArrayLike<unknown>)).toEqual(expected)
  })

  test('every type of the format has a place in this test', () => {
    const tested = new Set([...RAW, ...TYPED].map(([dtype]) => dtype))
    for (let code = 1; onnxElementType(code); code++) expect(tested).toContain(onnxElementType(code)?.dtype)
  })

  test('single entries, and the dims after the data', () => {
    const single = Buffer.concat([float(4, 1), float(4, 2), int(2, 1), packedInts(1, [2, 1])])
    expect(decodeTensor(single)).toEqual({ dtype: 'f32', shape: [2, 1], data: Float32Array.of(1, 2) })
    expect(decodeTensor(proto('i64', [2], int(7, -1), int(7, 2))).data).toEqual(BigInt64Array.of(-1n, 2n))
    expect(decodeTensor(proto('f64', [1], double(10, 0.1))).data).toEqual(Float64Array.of(0.1))
  })

  test('a scalar, and tensors without elements', () => {
    expect(decodeTensor(proto('f32', [], float(4, 7)))).toEqual({ dtype: 'f32', shape: [], data: Float32Array.of(7) })
    expect(decodeTensor(proto('f32', [0, 3]))).toEqual({ dtype: 'f32', shape: [0, 3], data: new Float32Array(0) })
    expect(decodeTensor(proto('string', [0]))).toEqual({ dtype: 'string', shape: [0], data: [] })
    expect(decodeTensor(proto('i4', [0], bytes(9, ''))).data).toEqual(new Int8Array(0))
  })

  test('an aligned tensor is a view, any other a copy; the bytes stay as they were', () => {
    const encoded = proto('f32', [2], raw(9, Float32Array.of(1, 2)))
    for (let shift = 0; shift < 4; shift++) {
      const memory = new Uint8Array(encoded.length + 4)
      memory.set(encoded, shift)
      const { data } = decodeTensor(memory.subarray(shift, shift + encoded.length))
      expect(data).toEqual(Float32Array.of(1, 2))
      const isAligned = (shift + encoded.length - 8) % 4 === 0
      expect((data as Float32Array).buffer === memory.buffer).toBe(isAligned)
      expect(Buffer.from(memory.subarray(shift, shift + encoded.length))).toEqual(Buffer.from(encoded))
    }
  })
})

describe('refusals', () => {
  test.each([
    ['no type', bytes(8, 't'), 'FILE_MALFORMED', 'tensor "t": 0 is not an element type'],
    ['an unknown type', Buffer.concat([bytes(8, 't'), int(2, 99)]), 'FILE_MALFORMED', '99 is not an element type'],
    ['six bits', Buffer.concat([bytes(8, 't'), int(2, 27)]), 'FORMAT_UNSUPPORTED', 'Hence cannot read FLOAT6E2M3'],
    ['a negative size', proto('f32', [2, -3]), 'FILE_MALFORMED', 'shape [2, -3] has a negative size'],
    ['an absurd product of sizes', proto('f32', [2 ** 40, 2 ** 40]), 'FILE_LIMIT', 'more elements than 2^53'],
    ['an absurd size', proto('f32', [2 ** 50], float(4, 1)), 'FILE_MALFORMED', `${2 ** 50} elements of f32`],
    [
      'too many dimensions',
      proto(
        'f32',
        Array.from({ length: 65 }, () => 1),
      ),
      'FILE_LIMIT',
      '65 dimensions are more than 64',
    ],
    [
      'too little raw data',
      proto('f32', [3], raw(9, new Float32Array(2))),
      'FILE_MALFORMED',
      '3 elements of f32 take 12 bytes, raw_data has 8',
    ],
    ['too much raw data', proto('u2', [3], bytes(9, 'ab')), 'FILE_MALFORMED', '3 elements of u2 take 1 bytes, raw_data has 2'],
    [
      'too few entries',
      proto('i32', [3], packedInts(5, [1, 2])),
      'FILE_MALFORMED',
      '3 elements of i32 take 3 entries of int32_data, there are 2',
    ],
    ['entries in another field', proto('i32', [1], packedInts(7, [1])), 'FILE_MALFORMED', 'take 1 entries of int32_data, there are 0'],
    ['raw strings', proto('string', [1], bytes(9, 'a')), 'FILE_MALFORMED', 'strings cannot be raw data'],
    ['a raw bool that is 2', proto('bool', [1], raw(9, Uint8Array.of(2))), 'FILE_MALFORMED', 'a bool is neither 0 nor 1'],
    ['a bool that is 2', proto('bool', [1], int(5, 2)), 'FILE_MALFORMED', 'a bool is neither 0 nor 1'],
    ['an u8 that is 256', proto('u8', [1], int(5, 256)), 'FILE_MALFORMED', '256 is out of the range of u8'],
    ['an i8 that is 128', proto('i8', [1], int(5, 128)), 'FILE_MALFORMED', '128 is out of the range of i8'],
    ['an u16 that is -1', proto('u16', [1], int(5, -1)), 'FILE_MALFORMED', '-1 is out of the range of u16'],
    ['an u32 of 33 bits', proto('u32', [1], int(11, 2 ** 32)), 'FILE_MALFORMED', 'is out of the range of u32'],
    ['segments', proto('f32', [0], bytes(3, [int(1, 0), int(2, 1)])), 'FILE_MALFORMED', 'a tensor in segments'],
    [
      'a length beyond the file',
      proto('f32', [1], Buffer.concat([Uint8Array.of(9 * 8 + 2), varint(4)])),
      'FILE_TRUNCATED',
      'beyond the file',
    ],
    [
      'data elsewhere',
      proto('f32', [1], int(14, 1), bytes(13, [bytes(1, 'location'), bytes(2, 'w.bin')])),
      'FORMAT_UNSUPPORTED',
      'tensor "t" lies in another file, w.bin',
    ],
  ])('%s', (_, content, code, message) => {
    expect(() => decodeTensor(content)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }))
  })
})
