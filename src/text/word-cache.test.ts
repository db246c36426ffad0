import { describe, expect, test } from 'vitest'
import { WordCache } from './word-cache.ts'

function recall(cache: WordCache, text: string, start = 0, end = text.length): number[] | undefined {
  const out: number[] = []
  return cache.append(text, start, end, out) ? out : undefined
}

describe('WordCache', () => {
  test('gives back what it was told, by content', () => {
    const cache = new WordCache()
    expect(recall(cache, 'word')).toBeUndefined()
    cache.remember('word', 0, 4, [9, 1, 2], 1)
    expect(recall(cache, 'word')).toEqual([1, 2])
    expect(recall(cache, 'a word.', 2, 6)).toEqual([1, 2])
    expect(recall(cache, 'worn')).toBeUndefined()
  })

  test('remembers words that become nothing', () => {
    const cache = new WordCache()
    cache.remember('x', 0, 1, [], 0)
    expect(recall(cache, 'x')).toEqual([])
  })

  test('stays right when it overflows', () => {
    const cache = new WordCache()
    for (let i = 0; i < 250_000; i++) {
      const word = `w${i}`
      if (!cache.append(word, 0, word.length, [])) cache.remember(word, 0, word.length, [i], 0)
    }
    let known = 0
    for (let i = 0; i < 250_000; i++) {
      const ids = recall(cache, `w${i}`)
      if (ids === undefined) continue
      known++
      expect(ids).toEqual([i])
    }
    expect(known).toBeGreaterThan(10_000)
    expect(known).toBeLessThan(110_000)
  })
})
