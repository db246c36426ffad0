import { describe, expect, test } from 'vitest'
import { isHenceError } from '../core/index.ts'
import { compilePattern } from './oniguruma-pattern.ts'

const matches = (pattern: string, text: string): string[] => Array.from(text.matchAll(compilePattern(pattern)), match => match[0])

describe('compilePattern', () => {
  test('possessive quantifiers and atomic groups give nothing back', () => {
    expect(matches('a++a', 'aaa')).toEqual([])
    expect(matches('a+a', 'aaa')).toEqual(['aaa'])
    expect(matches('(?>a|ab)c', 'abc')).toEqual([])
    expect(matches('[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+', '!word')).toEqual(['!word'])
  })

  test('inline flags fold case within their reach', () => {
    expect(matches("(?i:'s|'LL)x", "'Sx 'llx 'llX 'ſx")).toEqual(["'Sx", "'llx", "'ſx"])
    expect(matches('(?i)ab(?-i:c)', 'ABc ABC')).toEqual(['ABc'])
    expect(matches('(?i:[a-c]+)', 'aBCd')).toEqual(['aBC'])
  })

  test('classes: nesting, intersection, ranges, properties, POSIX', () => {
    expect(matches('[a-z&&[^aeiou]]+', 'hello')).toEqual(['h', 'll'])
    expect(matches('[[:alpha:]_[0-3]]+', 'é_2 7')).toEqual(['é_2'])
    expect(matches('[\\p{Han}\\p{^L}]+', '漢a1')).toEqual(['漢', '1'])
    expect(matches('[]a-]+', ']-a b')).toEqual([']-a'])
    expect(matches('[一-龥]+', '漢字kana')).toEqual(['漢字'])
    expect(matches('[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]+', 'a[]\\^b')).toEqual(['[]\\^'])
  })

  test('white space is the Unicode property', () => {
    expect(matches('\\s', '\u0085\u00a0\ufeff\u200b ')).toEqual(['\u0085', '\u00a0', ' '])
    expect(matches('\\S', '\ufeff')).toEqual(['\ufeff'])
  })

  test('escapes and anchors', () => {
    expect(matches('\\x41\\x{1F600}\\u0042', 'A😀B')).toEqual(['A😀B'])
    expect(matches('\\A\\w+', 'äb cd')).toEqual(['äb'])
    expect(matches('^b$', 'a\nb\nc')).toEqual(['b'])
    expect(matches('\\bé\\b', 'é éa')).toEqual(['é'])
    expect(matches('a{,2}b', 'aab')).toEqual(['aab'])
  })

  test.each(['(', 'a)', '[a', '(?<n', '\\', '\\1', '\\p{Nonsense}', '*a', '(?x:a)', '[z-a]', '((((((((((((((((((((((((((((((((((((a'])(
    'refuses %s',
    pattern => {
      expect.assertions(1)
      try {
        compilePattern(pattern)
      } catch (error) {
        expect(isHenceError(error, 'TOKENIZER_INVALID')).toBe(true)
      }
    },
  )
})
