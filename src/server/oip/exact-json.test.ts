import fc from 'fast-check'
import { expect, test } from 'vitest'
import { doubleOf, exactInteger, parseExactJson } from './exact-json.ts'

test('whole numbers of any size come back exactly, wherever they stand', () => {
  const integer = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
  fc.assert(
    fc.property(fc.array(integer, { maxLength: 20 }), integer, fc.constantFrom('', ' ', '\n\t'), (list, single, space) => {
      const text = `{"data"${space}:${space}[${list.join(`${space},${space}`)}${space}],"single":${space}${single}}`
      const { data, single: one } = parseExactJson(text) as { data: unknown[]; single: unknown }
      expect(data.map(exactInteger)).toEqual(list)
      expect(exactInteger(one)).toBe(single)
    }),
  )
})

test('everything else is as JSON.parse has it', () => {
  const numbersInTexts = fc.string({ unit: fc.constantFrom('1', '2345678901234567890', '"', '\\', ',', '[', ' ', 'é', ']') })
  const value = fc.jsonValue({ stringUnit: 'binary' })
  fc.assert(
    fc.property(
      fc.array(fc.oneof(value, numbersInTexts, fc.double({ noNaN: true, noDefaultInfinity: true })), { maxLength: 10 }),
      values => {
        const kept = (key: string, part: unknown): unknown =>
          typeof part === 'number' && Number.isInteger(part) && Math.abs(part) > 2 ** 53 ? key : part
        const text = JSON.stringify(values, kept)
        expect(parseExactJson(text)).toEqual(JSON.parse(text))
      },
    ),
  )
  for (const text of ['0.1234567890123456789', '1234567890123456789e3', '12345678901234567890.5', '{"12345678901234567890":1}'])
    expect(parseExactJson(text)).toEqual(JSON.parse(text))
})

test('what is no JSON stays none', () => {
  for (const text of [
    '[12345678901234567890',
    '01234567890123456789',
    '"12345678901234567890',
    '[1 12345678901234567890]',
    '--12345678901234567890',
  ])
    expect(() => parseExactJson(text), text).toThrow(SyntaxError)
})

test('a double of a long integer', () => {
  expect(doubleOf(parseExactJson('12345678901234567890'))).toBe(Number('12345678901234567890'))
  expect(exactInteger(1.5)).toBeUndefined()
  expect(exactInteger('12')).toBeUndefined()
  expect(exactInteger(2 ** 60)).toBeUndefined()
})
