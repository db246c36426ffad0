import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MergeRules } from './merge-rules.ts'
import { Merger } from './merger.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Repeatedly joins the leftmost pair of lowest rank, as the definition says. */
function mergeByDefinition(word: readonly string[], ranks: ReadonlyMap<string, number>): string[] {
  const parts = [...word]
  for (;;) {
    let best = -1
    let lowest = Infinity
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(`${parts[i]} ${parts[i + 1]}`)
      if (rank !== undefined && rank < lowest) {
        lowest = rank
        best = i
      }
    }
    if (best < 0) return parts
    parts.splice(best, 2, parts[best]! + parts[best + 1]!)
  }
}

function vocabularyOf(texts: Iterable<string>): Vocabulary {
  const tokens = [...new Set(texts)]
  return { tokens, ids: new Map(tokens.map((token, id) => [token, id])) }
}

function run(word: readonly string[], vocabulary: Vocabulary, rules: MergeRules): string[] {
  const merger = new Merger()
  merger.reserve(word.length)
  word.forEach((symbol, i) => {
    merger.symbols[i] = vocabulary.ids.get(symbol)!
  })
  const count = merger.merge(rules, word.length)
  return Array.from(merger.symbols.subarray(0, count), id => vocabulary.tokens[id]!)
}

const part = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 })

describe('Merger', () => {
  test('merges as the definition says, through scans and through the heap', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(part, part), { maxLength: 30 }),
        fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 150 }),
        (pairs, word) => {
          const ranks = new Map<string, number>()
          for (const [left, right] of pairs) if (!ranks.has(`${left} ${right}`)) ranks.set(`${left} ${right}`, ranks.size)
          const vocabulary = vocabularyOf(['a', 'b', 'c', ...pairs.flatMap(([left, right]) => [left, right, left + right])])
          expect(run(word, vocabulary, MergeRules.byRank(vocabulary, ranks, ' '))).toEqual(mergeByDefinition(word, ranks))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('merges the pair with the highest score first', () => {
    const vocabulary = vocabularyOf(['a', 'b', 'c', 'ab', 'bc'])
    const rules = MergeRules.byScore(vocabulary, [0, 0, 0, -2, -1])
    expect(run(['a', 'b', 'c'], vocabulary, rules)).toEqual(['a', 'bc'])
  })

  test('merges a word of a million symbols in less than quadratic time', () => {
    const texts = ['a']
    while (texts.length < 16) texts.push(texts.at(-1)! + texts.at(-1)!)
    const vocabulary = vocabularyOf(texts)
    const ranks = new Map(texts.slice(0, -1).map((text, rank) => [`${text} ${text}`, rank]))
    const word = Array.from({ length: 1_000_000 }, () => 'a')
    const merged = run(word, vocabulary, MergeRules.byRank(vocabulary, ranks, ' '))
    expect(merged.join('').length).toBe(1_000_000)
    expect(merged.length).toBeLessThan(60)
  })

  test('remembers more pairs than the memo holds at first', () => {
    const letters = Array.from({ length: 120 }, (_, i) => String.fromCharCode(0x4e00 + i))
    const vocabulary = vocabularyOf([...letters, ...letters.flatMap(a => letters.map(b => a + b))])
    const rules = MergeRules.byScore(vocabulary, new Float32Array(vocabulary.tokens.length))
    for (let round = 0; round < 2; round++) {
      for (let a = 0; a < 120; a++) {
        for (let b = 0; b < 120; b++) {
          const slot = rules.find(a, b)
          expect(rules.merged[slot]).toBe(vocabulary.ids.get(letters[a]! + letters[b]!))
        }
      }
    }
  })
})
