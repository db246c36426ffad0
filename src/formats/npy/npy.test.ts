import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { type ElementType, f32ToBf16, f32ToF16, isHenceError, type Tensor, tensor } from '../../core/index.ts'
import { decodeNpy } from './decode-npy.ts'
import { encodeNpy } from './encode-npy.ts'
import { readNpy, writeNpy } from './npy-file.ts'
import { encodeNpyHeader } from './npy-header.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-npy-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A file with a header as given, padded with spaces. */
function npy(header: string, data: ArrayBufferView = new Uint8Array(0), version = 1): Uint8Array {
  const length = version === 1 ? Buffer.alloc(2) : Buffer.alloc(4)
  if (version === 1) length.writeUInt16LE(header.length)
  else length.writeUInt32LE(header.length)
  const body = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Uint8Array.of(version, 0), length, Buffer.from(header, 'latin1'), body])
}

const TENSORS: readonly Tensor<ElementType>[] = [
  tensor('f32', [2, 3], Float32Array.of(1, -2, 3, Number.NaN, Infinity, 1e-45)),
  tensor('f64', [2], Float64Array.of(1e300, -0)),
  tensor('f16', [2], Uint16Array.of(f32ToF16(1.5), f32ToF16(-2))),
  tensor('i8', [2], Int8Array.of(-128, 127)),
  tensor('u8', [], Uint8Array.of(255)),
  tensor('i16', [1, 1, 2], Int16Array.of(-1, 300)),
  tensor('u16', [1], Uint16Array.of(65535)),
  tensor('i32', [1], Int32Array.of(-(2 ** 31))),
  tensor('u32', [1], Uint32Array.of(2 ** 32 - 1)),
  tensor('i64', [2], BigInt64Array.of(-(2n ** 63n), 2n)),
  tensor('u64', [1], BigUint64Array.of(2n ** 64n - 1n)),
  tensor('bool', [3], Uint8Array.of(0, 1, 1)),
  tensor('c64', [1], Float32Array.of(1, -1)),
  tensor('c128', [1], Float64Array.of(1, -1)),
  tensor('f32', [0, 5]),
  tensor('string', [2, 1], ['', 'aℏ😀']),
]

test.each(TENSORS)('written and read: $dtype $shape', async original => {
  const path = join(folder, 'x.npy')
  await writeNpy(path, original)
  expect(await readNpy(path)).toEqual(original)
  expect(decodeNpy(encodeNpy(original))).toEqual(original)
})

test('the file NumPy writes, byte for byte', () => {
  // numpy.save of numpy.array([1.5], dtype='<f4'), NumPy 2.
  const written = Buffer.from(
    `934e554d505901007600${Buffer.from("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }".padEnd(117)).toString('hex')}0a0000c03f`,
    'hex',
  )
  expect(decodeNpy(written)).toEqual(tensor('f32', [1], Float32Array.of(1.5)))
  expect(Buffer.from(encodeNpy(tensor('f32', [1], Float32Array.of(1.5))))).toEqual(written)
})

test('types NumPy lacks', () => {
  expect(decodeNpy(encodeNpy(tensor('bf16', [1], Uint16Array.of(f32ToBf16(-2)))))).toEqual(tensor('f32', [1], Float32Array.of(-2)))
  expect(decodeNpy(encodeNpy(tensor('i4', [1], Int8Array.of(-8))))).toEqual(tensor('i8', [1], Int8Array.of(-8)))
  expect(decodeNpy(encodeNpy(tensor('u2', [1], Uint8Array.of(3))))).toEqual(tensor('u8', [1], Uint8Array.of(3)))
  expect(() => encodeNpy(tensor('f8e5m2', [1]))).toThrow('NumPy has no type for f8e5m2')
})

describe('layouts', () => {
  test('columns first', () => {
    const columns = npy("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3)}", Int16Array.of(0, 3, 1, 4, 2, 5))
    expect(decodeNpy(columns)).toEqual(tensor('i16', [2, 3], Int16Array.of(0, 1, 2, 3, 4, 5)))
    const one = npy("{'descr': '<i2', 'fortran_order': True, 'shape': (2,)}", Int16Array.of(1, 2))
    expect(decodeNpy(one)).toEqual(tensor('i16', [2], Int16Array.of(1, 2)))
  })

  test('columns first is the transpose of the reversed shape, in any number of dimensions', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 4 }), shape => {
        const count = shape.reduce((a, b) => a * b, 1)
        const file = npy(
          `{'descr': '<u2', 'fortran_order': True, 'shape': (${shape.join(', ')},)}`,
          Uint16Array.from({ length: count }, (_, i) => i),
        )
        const { data } = decodeNpy(file) as Tensor<'u16'>
        for (let i = 0; i < count; i++) {
          let rest = i
          const position = [...shape].reverse().map(size => {
            const index = rest % size
            rest = (rest - index) / size
            return index
          })
          // `position` runs from the last axis to the first, which varies fastest in the file.
          const from = [...position]
            .reverse()
            .reduce((sum, index, axis) => sum + index * shape.slice(0, axis).reduce((a, b) => a * b, 1), 0)
          expect(data[i]).toBe(from)
        }
      }),
      { numRuns: 50, seed: 1 },
    )
  })

  test('the other order of bytes', () => {
    const file = npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", Uint8Array.of(0x3f, 0xc0, 0, 0))
    expect(decodeNpy(file)).toEqual(tensor('f32', [1], Float32Array.of(1.5)))
    const complex = npy("{'descr': '>c8', 'fortran_order': False, 'shape': ()}", Uint8Array.of(0x3f, 0xc0, 0, 0, 0xbf, 0xc0, 0, 0))
    expect(decodeNpy(complex)).toEqual(tensor('c64', [], Float32Array.of(1.5, -1.5)))
  })

  test('strings of bytes, later versions, long integers of Python 2', () => {
    const bytes = npy("{'descr': '|S3', 'fortran_order': False, 'shape': (2L,)}", Buffer.from('ab\0abc'), 2)
    expect(decodeNpy(bytes)).toEqual(tensor('string', [2], ['ab', 'abc']))
    const keys = npy('{"shape": (1, ), "descr": "<i1" , "fortran_order": False , }  \n', Int8Array.of(5), 3)
    expect(decodeNpy(keys)).toEqual(tensor('i8', [1], Int8Array.of(5)))
  })

  test('an aligned array is a view', () => {
    const file = new Uint8Array(encodeNpy(tensor('f32', [1], Float32Array.of(1))))
    expect((decodeNpy(file) as Tensor<'f32'>).data.buffer).toBe(file.buffer)
  })
})

describe('refusals', () => {
  const f4 = "'descr': '<f4', 'fortran_order': False"

  test.each([
    ['nothing', new Uint8Array(0), 'FILE_MALFORMED', 'it does not begin as a .npy file does'],
    ['a later version', npy('{}', new Uint8Array(0), 4), 'FORMAT_UNSUPPORTED', 'version 4'],
    ['a header beyond the file', npy(`{${f4}, 'shape': ()}`).subarray(0, 30), 'FILE_TRUNCATED', 'beyond the file (30 bytes)'],
    ['an endless header', npy(' '.repeat(20_000)), 'FILE_LIMIT', 'a header of 20000 bytes'],
    ['no dictionary', npy('[1, 2]'), 'FILE_MALFORMED', 'lacks descr, fortran_order or shape'],
    ['no shape', npy(`{${f4}}`), 'FILE_MALFORMED', 'lacks descr, fortran_order or shape'],
    ['code', npy(`{${f4}, 'shape': (__import__('os'),)}`), 'FILE_MALFORMED', 'lacks descr, fortran_order or shape'],
    ['a negative size', npy(`{${f4}, 'shape': (-1,)}`), 'FILE_MALFORMED', 'lacks descr, fortran_order or shape'],
    ['objects', npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), 'FORMAT_UNSUPPORTED', 'elements of type "|O"'],
    ['records', npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"), 'FORMAT_UNSUPPORTED', 'several fields'],
    ['empty strings', npy("{'descr': '<U0', 'fortran_order': False, 'shape': (99999999999,)}"), 'FORMAT_UNSUPPORTED', '"<U0"'],
    ['absurd sizes', npy(`{${f4}, 'shape': (999999999999, 999999999999)}`), 'FILE_LIMIT', 'more elements than 2^53'],
    ['elements missing', npy(`{${f4}, 'shape': (3,)}`, Float32Array.of(1, 2)), 'FILE_TRUNCATED', 'take 12 bytes, there are 8'],
    ['elements left over', npy(`{${f4}, 'shape': (1,)}`, Float32Array.of(1, 2)), 'FILE_MALFORMED', 'take 4 bytes, there are 8'],
    ['a bool that is 2', npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1,)}", Uint8Array.of(2)), 'FILE_MALFORMED', 'a bool'],
    ['no character', npy("{'descr': '<U1', 'fortran_order': False, 'shape': ()}", Uint32Array.of(2 ** 31)), 'FILE_MALFORMED', 'character'],
  ])('%s', (_, content, code, message) => {
    expect(() => decodeNpy(content)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }))
  })

  test('bits flipped anywhere: read or refused, nothing else', () => {
    const sample = Buffer.concat([encodeNpyHeader('<f4', [2, 2]), new Uint8Array(16)])
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 4 }), fc.nat(300), (flips, kept) => {
        const bytes = Uint8Array.from(sample.subarray(0, kept))
        for (const [at, bit] of flips) if (bytes.length > 0) bytes[at % bytes.length]! ^= 1 << bit
        try {
          decodeNpy(bytes)
        } catch (error) {
          if (!isHenceError(error)) throw error
        }
      }),
      { numRuns: 1000, seed: 2 },
    )
  })
})
