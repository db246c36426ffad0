import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { datasetRequests, parseDataset } from './dataset.ts'
import { parseServiceLevels } from './goodput.ts'
import { randomRequests, tokenPrompts, wordPrompts } from './prompts.ts'

const LENGTHS = { inputTokens: 40, outputTokens: 20, rangeRatio: 0, prefixTokens: 0 }

describe('random prompts', () => {
  const make = tokenPrompts(100, token => token % 10 === 0)

  test('have the length asked for, ordinary tokens only, and repeat with their seed', () => {
    const source = randomRequests(LENGTHS, 3, true, make)
    const prompts = Array.from({ length: 20 }, (_, i) => source(i).prompt as readonly number[])
    for (const prompt of prompts) {
      expect(prompt).toHaveLength(40)
      expect(prompt.every(token => token >= 0 && token < 100 && token % 10 !== 0)).toBe(true)
    }
    expect(new Set(prompts.map(String)).size).toBe(20)
    expect(randomRequests(LENGTHS, 3, true, make)(7)).toEqual(source(7))
    expect(randomRequests(LENGTHS, 4, true, make)(7)).not.toEqual(source(7))
  })

  test('share their beginning, and no more', () => {
    const source = randomRequests({ ...LENGTHS, prefixTokens: 30 }, 3, true, make)
    const [a, b] = [source(0).prompt, source(1).prompt] as (readonly number[])[]
    expect(a).toHaveLength(40)
    expect(a!.slice(0, 30)).toEqual(b!.slice(0, 30))
    expect(a!.slice(30)).not.toEqual(b!.slice(30))
  })

  test('spread over the range of lengths and reach its ends', () => {
    const source = randomRequests({ ...LENGTHS, rangeRatio: 0.5 }, 11, true, make)
    const all = Array.from({ length: 2_000 }, (_, i) => source(i))
    const inputs = all.map(({ prompt }) => prompt.length)
    const outputs = all.map(({ maxTokens }) => maxTokens)
    expect([Math.min(...inputs), Math.max(...inputs)]).toEqual([20, 60])
    expect([Math.min(...outputs), Math.max(...outputs)]).toEqual([10, 30])
    const mean = inputs.reduce((sum, length) => sum + length, 0) / inputs.length
    expect(Math.abs(mean - 40)).toBeLessThan(1)
  })

  test('of words come to the tokens asked for by what words cost', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 500 }), fc.integer({ min: 0, max: 600 }), fc.nat(), (inputTokens, prefixTokens, seed) => {
        const source = randomRequests({ ...LENGTHS, inputTokens, prefixTokens }, seed, true, wordPrompts({ fixed: 6, perWord: 1.25 }))
        const words = (source(0).prompt as string).split(' ')
        expect(Math.abs(6 + words.length * 1.25 - inputTokens)).toBeLessThanOrEqual(1.25)
        expect(words.every(word => /^[a-z]+$/.test(word))).toBe(true)
      }),
    )
  })
})

describe('datasets', () => {
  const lines = [
    '{"messages":[{"role":"user","content":"a"}]}',
    '',
    '{"prompt":"b","max_tokens":5}',
    '{"custom_id":"1","body":{"messages":[{"role":"user","content":"c"}],"max_completion_tokens":7}}',
  ].join('\n')

  test('hold conversations, texts and lines of batch files', () => {
    expect(parseDataset(lines, 'x.jsonl')).toEqual([
      { prompt: [{ role: 'user', content: 'a' }] },
      { prompt: 'b', maxTokens: 5 },
      { prompt: [{ role: 'user', content: 'c' }], maxTokens: 7 },
    ])
  })

  test.each([
    ['{"prompt":"a"}\nnonsense', 'x.jsonl, line 2: is no JSON'],
    ['{"prompt":""}', 'line 1: has neither messages nor a prompt'],
    ['null', 'line 1: has neither'],
    ['[1]', 'line 1: has neither'],
    ['{"messages":[]}', 'line 1: has neither'],
    ['{"messages":[{"content":"a"}]}', 'line 1: a message has no role'],
    ['{"messages":[null]}', 'line 1: a message has no role'],
    ['{"prompt":"a","max_tokens":0}', 'line 1: max_tokens is no whole number'],
    ['\n\n', 'x.jsonl has no prompts'],
  ])('%j is refused', (text, message) => {
    expect(() => parseDataset(text, 'x.jsonl')).toThrow(message)
  })

  test('are shuffled by the seed; each prompt comes once before any comes twice', () => {
    const entries = Array.from({ length: 30 }, (_, i) => ({ prompt: String(i) }))
    const take = (seed: number, from: number): string[] => {
      const source = datasetRequests(entries, { seed, outputTokens: 9, ignoreEos: false })
      return Array.from({ length: 30 }, (_, i) => source(from + i).prompt as string)
    }
    expect(new Set(take(1, 0)).size).toBe(30)
    expect(take(1, 30)).toEqual(take(1, 0))
    expect(take(2, 0)).not.toEqual(take(1, 0))
  })
})

describe('limits', () => {
  test('are read', () => {
    expect(parseServiceLevels('ttft:500, tpot:50.5')).toEqual({ ttft: 500, tpot: 50.5 })
  })

  test.each(['', 'ttft', 'ttft:', 'ttft:x', 'ttft:-1', 'itl:5', 'ttft:1,ttft:2', 'ttft:1:2', 'ttft:500,'])('%j is refused', text => {
    expect(() => parseServiceLevels(text)).toThrow('is no limit such as ttft:500')
  })
})
