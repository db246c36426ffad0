import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isHenceError } from '../core/index.ts'
import { parseBoundedJson, parseJsonObject } from './bounded-json.ts'
import { jsonSyntaxErrorAt } from './json-syntax.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

describe('parseBoundedJson', () => {
  test('any JSON value comes back', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        expect(parseBoundedJson(bytes(text), 'test')).toEqual(JSON.parse(text))
      }),
    )
  })

  test('damaged JSON is refused at a place before which the text could go on', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        fc.nat(),
        fc.constantFrom('', ',', '"', '}', ']', ':', 'x', '\\', '\n', '-', '01'),
        (text, position, damage) => {
          const at = position % (text.length + 1)
          const damaged = text.slice(0, at) + damage + text.slice(at + 1)
          try {
            JSON.parse(damaged)
          } catch {
            let error: unknown
            try {
              parseBoundedJson(bytes(damaged), 'test')
            } catch (caught) {
              error = caught
            }
            expect(isHenceError(error, 'FILE_MALFORMED')).toBe(true)
            const offset = jsonSyntaxErrorAt(damaged)
            expect(offset).toBeGreaterThanOrEqual(0)
            expect(offset).toBeLessThanOrEqual(damaged.length)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  test.each([
    ['{"a": 1,,}', 1, 9, '",}"'],
    ['{\n  "a": tru\n}', 2, 8, '"tru\\n}"'],
    ['[1, 2', 1, 6, 'the end'],
    ['{"a" 1}', 1, 6, '"1}"'],
    ['["\\x"]', 1, 3, '"\\\\x\\"]"'],
    ['{"a": 01}', 1, 7, '"01}"'],
    ['', 1, 1, 'the end'],
    ['[] []', 1, 4, '"[]"'],
    ['{"a":1}}', 1, 8, '"}"'],
  ])('%j: line %i, column %i', (text, line, column, found) => {
    expect(() => parseBoundedJson(bytes(text), 'f.json')).toThrow(`f.json: not JSON at line ${line}, column ${column}: unexpected ${found}`)
  })

  test('more values than any tokenizer has are refused before they are built', () => {
    const text = `[${'1,'.repeat(2 ** 23)}1]`
    expect(() => parseBoundedJson(bytes(text), 'f')).toThrow('f: 8388609 values are more than 8388608')
  })

  test('deep nesting, invalid UTF-8 and other top levels are refused', () => {
    expect(() => parseBoundedJson(bytes('['.repeat(1_000_000)), 'f')).toThrow('f: nested deeper than 64 at offset 64')
    expect(() => parseBoundedJson(Uint8Array.of(0x22, 0xff, 0x22), 'f')).toThrow('f: the text is not valid UTF-8')
    expect(() => parseJsonObject(bytes('[]'), 'f')).toThrow('f: the top level is not an object')
  })

  test('brackets and escaped quotes inside strings do not nest', () => {
    const value = { a: `${'['.repeat(100)}\\"{`, b: '\\' }
    expect(parseBoundedJson(bytes(JSON.stringify(value)), 'f')).toEqual(value)
  })
})
