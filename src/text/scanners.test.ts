import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { awkwardText } from '../../test/awkward-text.ts'
import { compilePattern } from './oniguruma-pattern.ts'
import { regexScanner, scannerFor } from './pre-tokenizers.ts'
import { GPT2_PATTERN, KNOWN_SCANNERS, LLAMA3_PATTERN, QWEN2_PATTERN, type Scanner } from './scanners.ts'

function pieces(scan: Scanner, text: string): string[] {
  const found: string[] = []
  for (let start = 0; start < text.length; ) {
    const end = scan(text, start)
    found.push(text.slice(start, end))
    start = end
  }
  return found
}

describe('scanners', () => {
  test.each([...KNOWN_SCANNERS.keys()])('by hand equal their pattern %s', pattern => {
    const byHand = scannerFor(pattern)
    const byRegex = regexScanner(compilePattern(pattern))
    expect(byHand).toBe(KNOWN_SCANNERS.get(pattern))
    fc.assert(
      fc.property(awkwardText, text => {
        expect(pieces(byHand, text)).toEqual(pieces(byRegex, text))
      }),
      { numRuns: 500 },
    )
  })

  test('GPT-2 keeps contractions, runs and one space before words', () => {
    expect(pieces(scannerFor(GPT2_PATTERN), "It's 2024,  don't   go\n")).toEqual([
      'It',
      "'s",
      ' 2024',
      ',',
      ' ',
      ' don',
      "'t",
      '  ',
      ' go',
      '\n',
    ])
  })

  test('Llama 3 groups digits by three, Qwen 2 takes them one by one', () => {
    expect(pieces(scannerFor(LLAMA3_PATTERN), 'a 12345')).toEqual(['a', ' ', '123', '45'])
    expect(pieces(scannerFor(QWEN2_PATTERN), 'a 123\n\n b')).toEqual(['a', ' ', '1', '2', '3', '\n\n', ' b'])
  })

  test('a pattern that matches the empty string still advances', () => {
    expect(pieces(regexScanner(compilePattern('x*')), 'axxb')).toEqual(['a', 'xx', 'b'])
  })
})
