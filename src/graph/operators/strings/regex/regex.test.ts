import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileRegex } from './automaton.ts'
import { parseRegex } from './parse.ts'

function fullMatch(pattern: string, text: string): boolean {
  return compileRegex(pattern, parseRegex(pattern))(text)
}

// Patterns, texts that match and texts that do not. Source: https://github.com/google/re2/wiki/Syntax
const CASES: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ['', [''], ['a']],
  ['a.c', ['abc', 'a😀c'], ['a\nc', 'ac', 'abcd']],
  ['(?s)a.c', ['a\nc'], []],
  ['a|bc|', ['a', 'bc', ''], ['b', 'abc']],
  ['(ab)*c+d?', ['c', 'ababccd'], ['abab', 'cdd']],
  ['x{2}y{1,3}z{2,}', ['xxyzz', 'xxyyyzzzz'], ['xyzz', 'xxyyyyzz', 'xxyz']],
  ['a{,2}', ['a{,2}'], ['aa']],
  ['a*?b+?c??', ['aab', 'bbc'], ['ac']],
  ['[a-c]+[^a-c][]x]', ['abcd]', 'az]'], ['abca]']],
  ['[\\d\\-.]+', ['1-2.3'], ['1_2']],
  ['[[:alpha:]]+[[:^digit:]]', ['ab-'], ['ab1']],
  ['\\w+@\\w+\\.com', ['me@here.com'], ['me@here.org', 'me@here-com']],
  ['\\pL+\\p{Lu}\\p{Greek}\\PN', ['éaÉβx'], ['éaÉβ1']],
  ['[\\p{Cyrillic}\\d]+', ['Жы9'], ['Zh']],
  ['(?i)straße|K', ['STRAßE', 'k', '\u212a'], ['strasse']],
  ['(?i:a)b', ['Ab', 'ab'], ['aB']],
  ['(?i)[a-c]+(?-i)x', ['aBCx'], ['aBCX']],
  ['(?i)[^a]', ['b'], ['A', 'a']],
  ['(?P<year>\\d{4})-(?<month>\\d\\d)', ['2024-05'], ['24-05']],
  ['^a$', ['a'], ['a\n']],
  ['(?m)^a$\\n^b$', ['a\nb'], ['a\nbc']],
  ['\\Aab\\z', ['ab'], ['b']],
  ['\\bfoo\\b.*\\Bar', ['foo car'], ['foobar', 'foo ar']],
  ['\\Qa.b*\\Ec', ['a.b*c'], ['aXbbc']],
  ['\\x41\\x{1F600}\\101\\t\\.', ['A😀A\t.'], ['A']],
  ['[\\x{400}-\\x{4ff}]', ['Ж'], ['Z']],
]

describe('the syntax of RE2', () => {
  test.each(CASES)('%j', (pattern, yes, no) => {
    for (const text of yes) expect(fullMatch(pattern, text), text).toBe(true)
    for (const text of no) expect(fullMatch(pattern, text), text).toBe(false)
  })

  test.each([
    '(',
    ')',
    '[a',
    'a**',
    '*a',
    '\\',
    'a{2,1}',
    'a{1001}',
    '(?<=a)b',
    '(?=a)',
    '\\1',
    '\\y',
    '\\p{Nope}',
    '[b-a]',
    '(?z)',
    '[[:nope:]]',
    '\\x{110000}',
  ])('%j is GRAPH_INVALID', pattern => expect(() => parseRegex(pattern)).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' })))
})

describe('hostile patterns', () => {
  test('take time linear in the text', () => {
    const text = `${'a'.repeat(20_000)}!`
    for (const pattern of ['(a+)+', '(a|a)*', '(a*)*b', '(.*)(.*)(.*)(.*)x']) expect(fullMatch(pattern, text)).toBe(false)
  })

  test('are refused beyond a size', () => {
    for (const pattern of ['((a{100}){100}){100}', '(((a{1000}){1000}){1000}){1000}', '('.repeat(5000)])
      expect(() => compileRegex(pattern, parseRegex(pattern))).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }))
    expect(fullMatch('(((){1000}){1000}){1000}', '')).toBe(true)
    expect(fullMatch('((x?){0,50}){0,50}', 'xxx')).toBe(true)
  })
})

test('agrees with the expressions of JavaScript where both know the syntax', () => {
  const atom = fc.constantFrom('a', 'b', '[ab]', '[^a]', '.', '(a|b)', '((ab)?)', '(?:b*)', '\\w', '\\d')
  const repeated = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{0,2}')).map(pair => pair.join(''))
  const pattern = fc
    .array(fc.oneof({ weight: 4, arbitrary: repeated }, fc.constantFrom('^', '$', '\\b', '\\B', '|')), { maxLength: 6 })
    .map(list => list.join(''))
  fc.assert(
    fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b', '1', ' '), maxLength: 8 }), (source, text) => {
      expect(fullMatch(source, text)).toBe(new RegExp(`^(?:${source})$`, 'u').test(text))
    }),
    { numRuns: 2000 },
  )
})

test('never fails on any text but by refusing it', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab\\[](){}*+?|^$.,:1<>-pPQEx=!i ') }), fc.string(), (source, text) => {
      try {
        fullMatch(source, text)
      } catch (error) {
        expect(error).toMatchObject({ code: 'GRAPH_INVALID' })
      }
    }),
    { numRuns: 5000 },
  )
})
