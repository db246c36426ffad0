import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes, double, float, int, packedInts, raw, varint } from '../../../test/protobuf-writer.ts'
import { isHenceError } from '../../core/index.ts'
import { MessageReader } from './message-reader.ts'
import { ProtobufBytes } from './protobuf-bytes.ts'

const LIMITS = { depth: 8, messages: 100, strings: 100, numbers: 100 }

function readerOf(...fields: readonly Uint8Array[]): MessageReader {
  return new MessageReader(new ProtobufBytes('file', Buffer.concat(fields), LIMITS), 'message')
}

/** At the first field. */
function firstOf(...fields: readonly Uint8Array[]): MessageReader {
  const reader = readerOf(...fields)
  expect(reader.next()).toBe(true)
  return reader
}

describe('values', () => {
  test('integers of every size, signed', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
        expect(firstOf(int(1, value)).int()).toBe(Number(value))
        expect(firstOf(int(1, value)).int32()).toBe(Number(BigInt.asIntN(32, value)))
        let halves: readonly number[] = []
        firstOf(int(1, value)).eachInt((low, high) => {
          halves = [low, high]
        })
        expect(halves).toEqual([Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n))])
      }),
      { seed: 1 },
    )
  })

  test.each([0n, 1n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 63n - 1n, -(2n ** 63n)])('the integer %d', value => {
    expect(firstOf(int(1, value)).int()).toBe(Number(value))
  })

  test('lists, packed and single, one after the other', () => {
    const reader = readerOf(int(1, 5), packedInts(1, [-1, 300, 2n ** 40n]), int(1, 7), float(2, 1.5), raw(2, Float32Array.of(2, -3)))
    const ints: number[] = []
    const floats: number[] = []
    while (reader.next()) {
      if (reader.field === 1) reader.pushInts(ints)
      else reader.pushFloats(floats)
    }
    expect(ints).toEqual([5, -1, 300, 2 ** 40, 7])
    expect(floats).toEqual([1.5, 2, -3])
  })

  test('counting and copying numbers of fixed size', () => {
    const fields = [double(1, 1), raw(1, Float64Array.of(2, 3)), float(2, 4)]
    const target = new Float64Array(3)
    let count = 0
    let at = 0
    for (let reader = readerOf(...fields); reader.next(); ) if (reader.field === 1) count += reader.countFixed(8)
    for (let reader = readerOf(...fields); reader.next(); )
      if (reader.field === 1) at += reader.copyFixed(8, new Uint8Array(target.buffer), at)
    expect(count).toBe(3)
    expect(at).toBe(24)
    expect([...target]).toEqual([1, 2, 3])
  })

  test('text and names', () => {
    expect(firstOf(bytes(1, 'ℏ')).text()).toBe('ℏ')
    expect(firstOf(bytes(1, 'a\ufffdb')).name()).toBe('a\ufffdb')
    expect(firstOf(bytes(1, Uint8Array.of(0xff))).text()).toBe('\ufffd')
    expect(() => firstOf(bytes(1, Uint8Array.of(0xff))).name()).toThrow('a name is not valid UTF-8')
  })

  test('messages within messages; what nobody asks for is skipped', () => {
    const reader = readerOf(int(9, 1), double(8, 1), float(7, 1), bytes(6, 'skipped'), bytes(3, [int(4, 42), int(5, 1)]), int(2, 3))
    const seen: number[] = []
    while (reader.next()) {
      seen.push(reader.field)
      if (reader.field !== 3) continue
      const inner = reader.message('inner')
      expect(inner.next()).toBe(true)
      expect(inner.int()).toBe(42)
    }
    expect(seen).toEqual([9, 8, 7, 6, 3, 2])
    expect(reader.again().next()).toBe(true)
  })
})

describe('refusals', () => {
  const refusal = (read: () => unknown): { code: string; message: string; details: unknown } => {
    try {
      read()
    } catch (error) {
      if (isHenceError(error)) return error
      throw error
    }
    throw new TypeError('nothing was refused')
  }

  test.each([
    [
      'an integer cut short',
      () => firstOf(Uint8Array.of(8, 0x80)).int(),
      'FILE_TRUNCATED',
      'an integer at offset 1 ends beyond the file (2 bytes)',
    ],
    [
      'a length beyond the file',
      () => firstOf(Uint8Array.of(10, 5, 1)).bytes(),
      'FILE_TRUNCATED',
      '5 bytes at offset 2 end beyond the file (3 bytes)',
    ],
    ['a skipped length beyond the file', () => firstOf(Uint8Array.of(10, 5, 1)).next(), 'FILE_TRUNCATED', 'offset 2'],
    ['a number cut short', () => firstOf(Uint8Array.of(13, 0, 0)).float(), 'FILE_TRUNCATED', '4 bytes at offset 1'],
    [
      'eleven bytes of one integer',
      () => firstOf(Buffer.concat([int(1, 0).subarray(0, 1), Buffer.alloc(11, 0x80)])).int(),
      'FILE_MALFORMED',
      'longer than ten bytes',
    ],
    ['a length beyond 2⁵³', () => firstOf(Buffer.concat([Uint8Array.of(10), varint(-1)])).bytes(), 'FILE_TRUNCATED', 'end beyond the file'],
    ['field zero', () => readerOf(Uint8Array.of(0, 1)).next(), 'FILE_MALFORMED', '0 is not the tag of a field'],
    ['a tag of more than 32 bits', () => readerOf(varint(2 ** 33 + 8)).next(), 'FILE_MALFORMED', 'is not the tag of a field'],
    ['a group', () => firstOf(Uint8Array.of(11, 12)).next(), 'FILE_MALFORMED', 'wire type 3, which Hence does not know'],
    ['text where an integer belongs', () => firstOf(bytes(1, 'x')).int(), 'FILE_MALFORMED', 'field 1 has wire type 2, expected 0'],
    ['an integer where text belongs', () => firstOf(int(1, 1)).text(), 'FILE_MALFORMED', 'field 1 has wire type 0, expected 2'],
    [
      'half a packed number',
      () => firstOf(bytes(1, Uint8Array.of(1, 2, 3))).pushFloats([]),
      'FILE_MALFORMED',
      '3 bytes are not a whole count of 4-byte numbers',
    ],
    [
      'a packed integer cut short',
      () => firstOf(bytes(1, Uint8Array.of(1, 0x80)), int(2, 1)).pushInts([]),
      'FILE_MALFORMED',
      'beyond the message, which ends at 4',
    ],
    [
      'too many numbers',
      () =>
        firstOf(
          packedInts(
            1,
            Array.from({ length: 101 }, () => 1),
          ),
        ).pushInts([]),
      'FILE_LIMIT',
      'more than 100 numbers',
    ],
  ])('%s', (_, read, code, message) => {
    const error = refusal(read)
    expect(error.code).toBe(code)
    expect(error.message).toContain(message)
    expect(error.details).toMatchObject({ path: 'file', offset: expect.any(Number) })
  })

  test('an inner message that reaches beyond its outer one', () => {
    const outer = firstOf(bytes(1, Uint8Array.of(10, 5, 1)), int(2, 1000), int(2, 1000)).message('outer')
    outer.next()
    expect(refusal(() => outer.bytes())).toMatchObject({
      code: 'FILE_MALFORMED',
      message: expect.stringContaining('beyond the message, which ends at 5'),
    })
  })

  test('messages nested too deep, too many of them, too many strings', () => {
    let nested: Uint8Array = int(1, 1)
    for (let i = 0; i < 9; i++) nested = bytes(1, nested)
    const descend = (): void => {
      let reader = readerOf(nested)
      while (reader.next()) reader = reader.message('inner')
    }
    expect(refusal(descend)).toMatchObject({ code: 'FILE_LIMIT', message: expect.stringContaining('nested deeper than 8') })
    const all = (visit: (reader: MessageReader) => void) => (): void => {
      const reader = readerOf(...Array.from({ length: 101 }, () => bytes(1, '')))
      while (reader.next()) visit(reader)
    }
    expect(refusal(all(reader => reader.message('inner')))).toMatchObject({ code: 'FILE_LIMIT' })
    expect(refusal(all(reader => reader.text()))).toMatchObject({ code: 'FILE_LIMIT' })
  })
})

test('random bytes end or are refused, nothing else', () => {
  const visit = (reader: MessageReader): void => {
    while (reader.next()) {
      const action = reader.field % 7
      if (action === 0) visit(reader.message('inner'))
      else if (action === 1) reader.int()
      else if (action === 2) reader.pushFloats([])
      else if (action === 3) reader.pushInts([])
      else if (action === 4) reader.name()
      else if (action === 5) reader.countInts()
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), noise => {
      try {
        visit(readerOf(noise))
      } catch (error) {
        if (!isHenceError(error)) throw error
      }
    }),
    { numRuns: 3000, seed: 2 },
  )
})
